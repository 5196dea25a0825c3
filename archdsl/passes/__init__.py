"""Syntax tree → IR. `session` finds definitions, `definitions` makes one, `statements`, `expressions`, `apply` and `repeats` its body."""

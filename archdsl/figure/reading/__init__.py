"""Figures read back: a picture that archdsl drew, as panels of marks, from what the eye can see of it."""

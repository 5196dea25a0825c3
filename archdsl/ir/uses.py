"""Which values of a definition are read."""

from __future__ import annotations

from collections import Counter

from archdsl.ir.program import Definition, Region


def uses(definition: Definition) -> Counter[int]:
    """How often each value is used, by node, output, state or memory."""
    found: Counter[int] = Counter()

    def count(*operands: object) -> None:
        found.update(o for o in operands if isinstance(o, int))

    def visit(region: Region) -> None:
        for node in region.nodes:
            match node.kind:
                case "apply" | "call" | "draw":
                    count(*node.inputs)
                case "stack" | "loop" | "scan":
                    count(
                        *(s.operand for s in node.sliced),
                        node.lengths,
                        *(c.initial for c in node.carried),
                        *(c.next for c in node.carried),
                    )
                    count(*(c.operand for c in node.collected), *(o for r in node.rides for o in r.initial.values()))
                    visit(node.body)
                case "minimize":
                    count(node.loss)
                case "update":
                    count(node.operand)
                case "until":
                    visit(node.body)

    visit(definition.body)
    count(
        *(o.operand for o in definition.outputs),
        *(s.next for s in definition.states),
        *(m.next for m in definition.memories),
    )
    count(*(m.initial for m in definition.memories))
    return found

"""What a mark does: `Use`, which `marks` reads from its words and `expressions` writes as a program's text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Use:
    """What a mark does. Texts are program text."""

    op: str = ""
    """A primitive, or a distribution that is drawn from."""
    definition: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    fills: dict[str, str] = field(default_factory=dict)
    """First values of a layer's weights."""
    numbers: dict[int, str] = field(default_factory=dict)
    """Operands that are numbers, by position."""
    ports: list[int] = field(default_factory=list)
    """The position of the operand that each port takes."""
    names: list[str] = field(default_factory=list)
    """The ports' words, for a definition."""
    results: list[str] = field(default_factory=list)
    part: str = ""
    weight: str = ""
    """The weight that is taken as a value."""
    way: str = ""
    type: str = ""
    frozen: bool = False
    hole: bool = False
    same: int = 0
    """In how many of the stacks around it the same weights are in every copy; -1: in all of them."""
    turn: int = 0
    told: list[str] = field(default_factory=list)
    """For each port, the name of the value that arrives there, if the figure says it; for a numbered call without ports, that of its one
    operand."""

    def position(self, port: int | None) -> int:
        """The operand that a wire to this port brings."""
        if port is not None and port < len(self.ports):
            return self.ports[port]
        return next(i for i in range(len(self.numbers) + 1) if i not in self.numbers)

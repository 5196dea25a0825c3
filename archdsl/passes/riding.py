"""The states of cells that are stepped in a repeat: where they ride, where they start, what the last pass leaves."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import errors
from archdsl.diagnostics import Note, nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Ride
from archdsl.passes import expressions, statements
from archdsl.passes.entities import Part, Tensor
from archdsl.passes.frame import Block
from archdsl.source import Span
from archdsl.syntax import tree


def final(block: Block, riders: list[Part], rides: dict[int, Ride], name: str, span: Span) -> Tensor | None:
    """The last value of a riding cell's state, made a value of the outside when it is first asked for."""
    for part in riders:
        if part.variant and name in part.variant.states:
            ride = rides[part.id]
            if name not in ride.finals:
                value = block.frame.value(part.variant.states[name].subs(part.bindings, part.rest))
                block.frame.spans[value.id] = span
                ride.finals[name] = value
            return Tensor(ride.finals[name].id, ride.finals[name].type)
    return None


def starts(block: Block, inner: Block, start: Sequence[tree.Argument]) -> None:
    """`from (h = h0)`: where riding states start."""
    frame = block.frame
    for argument in start:
        if argument.name is None:
            raise frame.fail(
                errors.StateProblem(
                    argument.span, "`from` names the states that start elsewhere", mend="write `from (h = h0)`"
                )
            )
        name = argument.name.text
        states = {}
        for ride in inner.rides:
            part = next(p for p in frame.parts if p.id == ride.made)
            if part.variant:
                states.update({s: (ride, t.subs(part.bindings, part.rest)) for s, t in part.variant.states.items()})
        if name not in states:
            guess = nearest(name, states)
            mend = f"did you mean `{guess}`?" if guess else f"states here: {', '.join(states) or 'none'}"
            raise frame.fail(
                errors.StateProblem(argument.span, f"no cell that is stepped here has a state `{name}`", mend=mend)
            )
        ride, type = states[name]
        tensor = statements.widen(block, expressions.tensor(block, argument.value), type)
        if tensor.type != type and not isinstance(tensor.operand, Num):
            raise frame.fail(
                errors.StateProblem(argument.span, f"the state `{name}` is {type}, and this is {tensor.type}")
            )
        ride.initial[name] = tensor.operand


def ride(block: Block, part: Part, span: Span) -> None:
    """A cell is stepped: its state rides on the repeat around the call, or on the cell that steps it."""
    frame = block.frame
    target: Block | None = block
    while target is not None and target.kind not in ("stack", "loop", "scan", "definition"):
        target = target.parent
    if target is None:
        return
    if target.kind == "definition" and frame.ref.node.kind != "cell":
        mend = f"`x -> scan {part.maker.name}(…) over time` steps it along an axis"
        raise frame.fail(
            errors.StateProblem(
                span,
                f"`{part.maker.name}` is a cell, and nothing here repeats: its state has nothing to ride on",
                mend=mend,
            )
        )
    if target.kind == "stack" and _inside(part.block, target):
        mend = "scan it inside the stack, or make it outside to carry one state from copy to copy"
        raise frame.fail(
            errors.StateProblem(
                span,
                f"each copy makes its own `{part.maker.name}` and steps it once, so its state goes nowhere",
                mend=mend,
            )
        )
    if any(target is block for block in part.stepped_in):
        raise frame.fail(
            errors.StateProblem(
                span,
                f"`{part.name}` is stepped twice in one pass",
                mend="make a second one",
                notes=[Note(part.span, "made here")],
            )
        )
    part.stepped_in.append(target)
    if target.kind == "definition":
        frame.rides = True
    else:
        target.rides.append(Ride.new(made=part.id))


def _inside(block: Block | None, outer: Block) -> bool:
    while block is not None:
        if block is outer:
            return True
        block = block.parent
    return False

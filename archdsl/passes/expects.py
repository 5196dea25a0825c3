"""`expect` and `config`: what a program claims of itself, computed and compared once the program is made."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

from archdsl import errors, summary
from archdsl.diagnostics import nearest
from archdsl.ir.num import Num
from archdsl.ir.program import Config, Definition, Program
from archdsl.ir.terms import NotANumber as NoNumber
from archdsl.passes import conditions, expressions
from archdsl.passes.entities import Number, Series, Static, Tensor, describe
from archdsl.passes.frame import Block, Failed, Frame
from archdsl.syntax import tree

_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SAYS = {"==": "", "!=": "anything but ", "<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least "}
_COUNTED = ("params", "frozen", "macs")


def configs(block: Block, definition: Definition) -> dict[str, dict[str, Static]]:
    """The configs of a model, each with what it sets."""
    frame = block.frame
    names = list(frame.statics)
    found: dict[str, dict[str, Static]] = {}
    for node in frame.configs:
        settings: dict[str, Static] = {}
        try:
            if any(c.name == node.name.text for c in definition.configs):
                raise frame.fail(errors.Twice(node.name.span, node.name.text))
            for argument in node.arguments:
                name = argument.name.text if argument.name else ""
                if name not in names:
                    guess = nearest(name, names)
                    mend = (
                        f"did you mean `{guess}`?"
                        if guess
                        else f"its hyperparameters are: {', '.join(names) or 'none'}"
                    )
                    raise frame.fail(
                        errors.WrongArguments(
                            argument.span, frame.ref.name, f"has no hyperparameter `{name}`", mend=mend
                        )
                    )
                settings[name] = static_setting(
                    frame, name, expressions.static(Block(frame, "definition"), argument.value), argument
                )
            data = {n: expressions.setting(s) for n, s in settings.items()}
            definition.configs.append(Config.new(name=node.name.text, settings=data, same=_same(definition, settings)))
            found[node.name.text] = settings
        except Failed:
            continue
    return found


def static_setting(frame: Frame, name: str, static: Static, node: tree.Argument) -> Static:
    """What a config gives a hyperparameter, which must be of the hyperparameter's kind."""
    if type(static) is not type(frame.statics[name]):
        wrong = f"`{name}` is {describe(frame.statics[name])}, and this is {describe(static)}"
        raise frame.fail(errors.WrongArguments(node.span, frame.ref.name, wrong))
    return static


def _same(definition: Definition, settings: Mapping[str, Static]) -> bool:
    """Whether a definition is itself with these settings, and not another variant."""
    numbers = {n: s.num for n, s in settings.items() if isinstance(s, Number)}
    if len(numbers) != len(settings):
        return False
    values = defaults(definition, numbers)
    return all(conditions.evaluate(c.any_of, values) == c.outcome for c in definition.conditions)


def check(
    program: Program, definition: Definition, block: Block, settings: Mapping[str, Num], nodes: list[tree.Expect]
) -> None:
    """Compare what each `expect` says with what is so, for these hyperparameters."""
    for node in nodes:
        try:
            _check(program, definition, block, settings, node)
        except Failed:
            continue


def _check(
    program: Program, definition: Definition, block: Block, settings: Mapping[str, Num], node: tree.Expect
) -> None:
    condition = node.condition
    frame = block.frame
    if not isinstance(condition, tree.Binary) or condition.op not in _COMPARE:
        raise frame.fail(errors.NotANumber(condition.span, "an expectation compares: `expect params == 266_610`"))
    left = _measure(program, definition, block, settings, condition.left)
    right = _measure(program, definition, block, settings, condition.right)
    if isinstance(left, tuple) != isinstance(right, tuple):
        raise frame.fail(errors.NotANumber(condition.span, "a shape is compared with a shape, a number with a number"))
    if isinstance(left, tuple) or isinstance(right, tuple):
        holds = (left == right) == (condition.op == "==")
    else:
        difference = left - right
        holds = difference.is_const and _COMPARE[condition.op](difference.value, Fraction(0))
    if not holds:
        raise frame.fail(errors.ExpectFails(node.span, _show(left), _SAYS[condition.op] + _show(right)))


def _show(measured: Num | tuple[Num, ...]) -> str:
    if isinstance(measured, tuple):
        return "[" + ", ".join(map(str, measured)) + "]"
    return f"{int(measured.value):_}" if measured.is_integer else str(measured)


def _measure(
    program: Program, definition: Definition, block: Block, settings: Mapping[str, Num], node: tree.Expression
) -> Num | tuple[Num, ...]:
    """A side of an expectation."""
    match node:
        case tree.Name(text=text) if text in _COUNTED and block.find(text) is None:
            return _count(program, definition, block, settings, text, node)
        case tree.Call(function=tree.Name(text="shape"), arguments=[argument]):
            tensor = _named(block, argument.value)
            return tuple(n.subs(settings) for n in tensor.type.shape)
        case tree.Binary(op=("+" | "-" | "*" | "/" | "//" | "%" | "^")):
            left = _measure(program, definition, block, settings, node.left)
            right = _measure(program, definition, block, settings, node.right)
            if isinstance(left, Num) and isinstance(right, Num):
                return expressions.arithmetic(block, node, left, right).subs(settings)
    entity = expressions.value(block, node)
    if isinstance(entity, Number):
        return entity.num.subs(settings)
    if isinstance(entity, Series):
        return tuple(n.subs(settings) for n in entity.items)
    raise block.frame.fail(
        errors.NotANumber(node.span, "an expectation compares numbers: params, frozen, macs, shape(y), hyperparameters")
    )


def _named(block: Block, node: tree.Expression) -> Tensor:
    if isinstance(node, tree.Name) and block.find(node.text) is None and node.text in block.outputs:
        return block.outputs[node.text][0]
    return expressions.tensor(block, node)


def _count(
    program: Program, definition: Definition, block: Block, settings: Mapping[str, Num], what: str, node: tree.Node
) -> Num:
    try:
        if what == "macs":
            return summary.macs(program, definition.name, settings)
        counts = summary.count(program, definition.name, settings)
        return counts.learned if what == "params" else counts.frozen
    except (summary.Unsettled, NoNumber) as problem:
        raise block.frame.fail(errors.NotANumber(node.span, str(problem))) from None


def defaults(definition: Definition, settings: Mapping[str, Num]) -> dict[str, Num]:
    """All numbers of a definition: what is set, and the defaults of the rest in terms of it."""
    return {h.name: n for h in definition.hypers if (n := summary.bind(definition, settings).get(h.name)) is not None}

"""Lark's reductions → nodes of `tree.py`. Each method is named as its rule and gets the children, tokens included."""

from __future__ import annotations

import builtins
import textwrap
from typing import Any, TypeVar, cast

from lark import Token

from archdsl.source import Source, Span
from archdsl.syntax import tree

T = TypeVar("T")
Children = list[Any]


def _of(children: Children, kind: type[T]) -> list[T]:
    return [c for c in children if isinstance(c, kind) and not isinstance(c, Token)]


def _nodes(children: Children) -> list[Any]:
    return [c for c in children if not isinstance(c, Token)]


def _tokens(children: Children, kind: str) -> list[Token]:
    return [c for c in children if isinstance(c, Token) and c.type == kind]


def _has(children: Children, kind: str) -> bool:
    return bool(_tokens(children, kind))


class Build:
    """The transformer. `source` is set before each parse."""

    source: Source

    def _at(self, token: Token) -> Span:
        return Span(self.source, cast(int, token.start_pos), cast(int, token.end_pos))

    def _ends(self, child: Any) -> tuple[int, int]:
        if isinstance(child, Token):
            return cast(int, child.start_pos), cast(int, child.end_pos)
        if isinstance(child, list):
            return child[0].span.start, child[-1].span.end
        return child.span.start, child.span.end

    def _span(self, c: Children) -> Span:
        return Span(self.source, self._ends(c[0])[0], self._ends(c[-1])[1]) if c else Span(self.source, 0, 0)

    def _ids(self, c: Children) -> builtins.list[tree.Identifier]:
        return [tree.Identifier(self._at(t), str(t)) for t in _tokens(c, "NAME")]

    # -- files ----------------------------------------------------------------------------------------------------
    def start(self, c: Children) -> tree.File:
        return tree.File(Span(self.source, 0, len(self.source.text)), self.source, _nodes(c), [])

    def use(self, c: Children) -> tree.Use:
        return tree.Use(self._span(c), tree.String(self._at(c[1]), str(c[1])[1:-1]))

    def definition(self, c: Children) -> tree.Definition:
        doc = textwrap.dedent(str(c[0])[3:-3]).strip() if c[0].type == "DOC" else ""
        kind = str(c[1] if c[0].type == "DOC" else c[0])
        hypers = [h for h in c if isinstance(h, list)]
        (name,) = self._ids(c)
        return tree.Definition(self._span(c), kind, name, doc, hypers[0] if hypers else [], c[-1])

    def hypers(self, c: Children) -> builtins.list[tree.Hyper]:
        return _of(c, tree.Hyper)

    def hyper(self, c: Children) -> tree.Hyper:
        return tree.Hyper(self._span(c), self._ids(c[:1])[0], c[2] if len(c) > 2 else None)

    def body(self, c: Children) -> tree.Body:
        return tree.Body(self._span(c), _nodes(c))

    # -- statements -----------------------------------------------------------------------------------------------
    def input(self, c: Children) -> tree.Input:
        return tree.Input(self._span(c), _of(c, tree.Port))

    def port(self, c: Children) -> tree.Port:
        types = _of(c, tree.TypeOf)
        return tree.Port(
            self._span(c), self._ids(c[:1])[0], types[0] if types else None, c[-1] if _has(c, "EQUAL") else None
        )

    def output(self, c: Children) -> tree.Output:
        return tree.Output(self._span(c), _of(c, tree.Result))

    def result(self, c: Children) -> tree.Result:
        return tree.Result(self._span(c), self._ids(c[:1])[0] if len(c) > 1 else None, c[-1])

    def names(self, c: Children) -> builtins.list[tree.Identifier]:
        return self._ids(c)

    def param(self, c: Children) -> tree.Param:
        names = next(n for n in c if isinstance(n, list))
        return tree.Param(self._span(c), _has(c, "FROZEN"), names, _of(c, tree.TypeOf)[0], c[-1])

    def state(self, c: Children) -> tree.State:
        types = _of(c[:-1], tree.TypeOf)
        return tree.State(self._span(c), c[1], types[0] if types else None, c[-1])

    def memory(self, c: Children) -> tree.Memory:
        return tree.Memory(self._span(c), c[1], _of(c, tree.TypeOf)[0], c[-1])

    def target(self, c: Children) -> tree.Target:
        names = _tokens(c, "NAME")
        return tree.Target(self._span(c), str(names[-1]), _has(c, "PRIME"), str(names[0]) if len(names) > 1 else None)

    def gate(self, c: Children) -> tree.Assign:
        return tree.Assign(self._span(c), [c[1]], c[-1], gate=True)

    def assign(self, c: Children) -> tree.Assign:
        return tree.Assign(self._span(c), _of(c, tree.Target), c[-1])

    def draw(self, c: Children) -> tree.Draw:
        names = self._ids(c)
        types = _of(c, tree.TypeOf)
        arguments = next(a for a in c if isinstance(a, Arguments))
        by = names[1] if _has(c, "BY") else None
        return tree.Draw(self._span(c), c[0], names[0], arguments.items, types[0] if types else None, by)

    def expect(self, c: Children) -> tree.Expect:
        return tree.Expect(self._span(c), c[1])

    def config(self, c: Children) -> tree.Config:
        return tree.Config(self._span(c), self._ids(c)[0], c[2].items, c[3].statements if len(c) > 3 else [])

    def minimize(self, c: Children) -> tree.Minimize:
        names = [n for n in c if isinstance(n, list)]
        optimizer = c[-1] if _has(c, "WITH") else None
        return tree.Minimize(self._span(c), c[1], names[0] if names else [], optimizer)

    def until(self, c: Children) -> tree.Until:
        return tree.Until(self._span(c), c[1], c[3], c[4])

    def type(self, c: Children) -> tree.TypeOf:
        return tree.TypeOf(self._span(c), self._ids(c[:1])[0] if len(c) > 1 else None, c[-1].items)

    # -- expressions ----------------------------------------------------------------------------------------------
    def chain(self, c: Children) -> tree.Chain:
        return tree.Chain(self._span(c), _nodes(c))

    def sink(self, c: Children) -> tree.Sink:
        return tree.Sink(self._span(c), self._ids(c)[0])

    def stack(self, c: Children) -> tree.Stack:
        index = self._ids(c[2:])
        return tree.Stack(self._span(c), c[1], index[0] if index else None, _of(c[2:], tree.Body)[0], _start(c))

    def loop(self, c: Children) -> tree.Loop:
        return tree.Loop(self._span(c), c[1], c[2], _start(c))

    def scan(self, c: Children) -> tree.Scan:
        at = next((i for i, t in enumerate(c) if getattr(t, "type", "") == "AT_MOST"), None)
        return tree.Scan(
            self._span(c), c[1], c[3], _has(c, "REVERSED"), c[at + 1] if at is not None else None, _start(c)
        )

    def axis(self, c: Children) -> tree.Axis:
        if c[-1].type == "NAME":
            return tree.Axis(self._span(c), str(c[-1]), None)
        digits = str(c[-1]).replace("_", "")
        index = int(digits) if digits.isdigit() and len(digits) < 4 else 1000
        return tree.Axis(self._span(c), None, -index if len(c) > 1 else index)

    def residual(self, c: Children) -> tree.Residual:
        return tree.Residual(self._span(c), c[1])

    def choice(self, c: Children) -> tree.Choice:
        return tree.Choice(self._span(c), c[1], c[2], c[4] if len(c) > 3 else None)

    def binary(self, c: Children) -> tree.Binary:
        return tree.Binary(self._span(c), str(c[1]), c[0], c[2])

    def unary(self, c: Children) -> tree.Unary:
        return tree.Unary(self._span(c), str(c[0]), c[1])

    def frozen(self, c: Children) -> tree.Frozen:
        return tree.Frozen(self._span(c), c[1])

    def alias(self, c: Children) -> tree.Alias:
        return tree.Alias(self._span(c), c[0], tree.String(self._at(c[2]), str(c[2])[1:-1]))

    def call(self, c: Children) -> tree.Call:
        return tree.Call(self._span(c), c[0], c[1].items)

    def field(self, c: Children) -> tree.Field:
        return tree.Field(self._span(c), c[0], self._ids(c[2:])[0])

    def handed(self, c: Children) -> tree.Handed:
        return tree.Handed(self._span(c), c[0])

    def arguments(self, c: Children) -> Arguments:
        return Arguments(self._span(c), _of(c, tree.Argument))

    def argument(self, c: Children) -> tree.Argument:
        return tree.Argument(self._span(c), self._ids(c[:1])[0] if len(c) > 1 else None, c[-1])

    def group(self, c: Children) -> Any:
        return c[1]

    def list(self, c: Children) -> tree.ListOf:
        return tree.ListOf(self._span(c), _nodes(c))

    def name(self, c: Children) -> tree.Name:
        return tree.Name(self._at(c[0]), str(c[0]))

    def number(self, c: Children) -> tree.Number:
        return tree.Number(self._at(c[0]), str(c[0]))

    def string(self, c: Children) -> tree.String:
        return tree.String(self._at(c[0]), str(c[0])[1:-1])

    def rest(self, c: Children) -> tree.Rest:
        return tree.Rest(self._at(c[0]))


def _start(c: Children) -> list[tree.Argument]:
    """The arguments of `from`, if there are any."""
    return c[-1].items if isinstance(c[-1], Arguments) else []


class Arguments:
    """The parentheses of a call, between reductions."""

    def __init__(self, span: Span, items: list[tree.Argument]):
        self.span, self.items = span, items

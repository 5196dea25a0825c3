"""DOT text as a graph: clusters in clusters, nodes in them, edges between nodes, each with its attributes.

In: DOT text. Out: `Graph`. Names serve to tell which edge joins which nodes, and for nothing else. Of DOT's language this knows what
figures are written in: no undirected edges, no sets of nodes at an edge's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import NamedTuple, NoReturn

from archdsl.figure.reading.errors import Unreadable

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)
      | (?P<quoted>"(?:\\.|[^"\\])*")
      | (?P<word>[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*|-?(?:\.\d+|\d+(?:\.\d*)?))
      | (?P<sign>->|--|[{}\[\]=;,:])""",
    re.VERBOSE | re.DOTALL,
)
_START = re.compile(r"(\s+|//[^\n]*|#[^\n]*|/\*.*?\*/|strict\b)*digraph\b", re.DOTALL | re.IGNORECASE)
_BRACKET = re.compile(r"[<>]")
_DEEPEST = 200
_LARGEST, _MOST, _LONGEST = 8 * 2**20, 500_000, 500_000
"""Characters, tokens, and characters of one label: a figure of a thousand panels has less."""
_TOO_LARGE = "no figure of archdsl is so large"
_HINT = "it may have been cut off, or is no figure of archdsl"


class Token(NamedTuple):
    kind: str
    text: str
    line: int


@dataclass(eq=False)
class Cluster:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    clusters: list[Cluster] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    """Those that lie in it and in no cluster of it."""
    parent: Cluster | None = None

    def within(self, other: Cluster) -> bool:
        cluster: Cluster | None = self
        while cluster is not None and cluster is not other:
            cluster = cluster.parent
        return cluster is other


class Edge(NamedTuple):
    """An edge; a port is its name without the compass point, or nothing."""

    tail: str
    tail_port: str
    head: str
    head_port: str
    attributes: dict[str, str]


@dataclass
class Graph:
    root: Cluster
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each node is met first."""
    edges: list[Edge] = field(default_factory=list)


def parse(text: str) -> Graph:
    """The graph that DOT text describes."""
    if not _START.match(text):
        raise Unreadable(
            "this is neither SVG nor a directed graph in DOT", "give the .svg or .dot file that `archdsl draw` wrote"
        )
    if len(text) > _LARGEST:
        raise Unreadable(f"the DOT text has more than {_LARGEST:,} characters", _TOO_LARGE)
    found = list(islice(_tokens(text), _MOST + 1))
    if len(found) > _MOST:
        raise Unreadable(f"the DOT text has more than {_MOST:,} words and signs", _TOO_LARGE)
    return _Parser(found).graph()


def _tokens(text: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        if text[at] == "<":
            end = _closing(text, at, line)
            yield Token("html", text[at + 1 : end].replace("&#92;&#92;", "&#92;"), line)  # as Graphviz draws it
            line += text.count("\n", at, end)
            at = end + 1
            continue
        match = _TOKEN.match(text, at)
        if not match:
            raise Unreadable(f"line {line} of the DOT text cannot be read: {text[at : at + 20]!r}", _HINT)
        kind = match.lastgroup or ""
        if kind == "quoted":
            yield Token("word", re.sub(r'\\(["\\])', r"\1", match[0][1:-1].replace("\\\n", "")), line)
        elif kind != "space":
            yield Token(kind, match[0], line)
        line += match[0].count("\n")
        at = match.end()


def _closing(text: str, at: int, line: int) -> int:
    """Where the angle bracket at a place is closed."""
    depth = 0
    for match in _BRACKET.finditer(text, at, at + _LONGEST):
        depth += 1 if match[0] == "<" else -1
        if depth == 0:
            return match.start()
    raise Unreadable(f"a label in line {line} of the DOT text does not end", _HINT)


class _Parser:
    def __init__(self, tokens: list[Token]):
        self.tokens, self.at = [*tokens, Token("end", "its end", tokens[-1].line if tokens else 1)], 0
        self.found = Graph(Cluster(""))
        self.homes: dict[str, Cluster] = {}

    def graph(self) -> Graph:
        while self.peek().text.lower() in ("strict", "digraph"):
            self.take()
        if self.peek().text != "{":
            self.take()
        self.body(self.found.root, {}, {}, 0)
        if self.peek().text.lower() in ("digraph", "strict", "graph"):
            raise Unreadable(
                f"from line {self.peek().line} on there is a second graph in the file", "give each in a file of its own"
            )
        if self.peek().kind != "end":
            self.fail("the end")
        for name, home in self.homes.items():
            home.nodes.append(name)
        return self.found

    # -- tokens ---------------------------------------------------------------------------------------------------
    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self, sign: str | None = None) -> Token:
        token = self.tokens[self.at]
        if sign is not None and (token.text != sign or token.kind != "sign"):
            self.fail(sign)
        if token.kind == "end":
            self.fail("more")
        self.at += 1
        return token

    def has(self, sign: str) -> bool:
        if self.peek().kind == "sign" and self.peek().text == sign:
            self.at += 1
            return True
        return False

    def fail(self, wanted: str) -> NoReturn:
        token = self.peek()
        raise Unreadable(f"line {token.line} of the DOT text: {wanted} was expected, not {token.text[:30]!r}", _HINT)

    # -- statements -----------------------------------------------------------------------------------------------
    def body(self, cluster: Cluster, nodes: dict[str, str], edges: dict[str, str], depth: int) -> None:
        if depth > _DEEPEST:
            raise Unreadable("the DOT text is nested too deeply", _HINT)
        nodes, edges = dict(nodes), dict(edges)
        self.take("{")
        while not self.has("}"):
            if not self.has(";"):
                self.statement(cluster, nodes, edges, depth)

    def statement(self, cluster: Cluster, nodes: dict[str, str], edges: dict[str, str], depth: int) -> None:
        token = self.peek()
        if token.kind == "sign":
            if token.text != "{":
                self.fail("a name")
            return self.body(cluster, nodes, edges, depth + 1)
        self.take()
        match token.text.lower(), self.peek().text:
            case "subgraph", _:
                name = self.take().text if self.peek().text != "{" else ""
                self.body(self.inner(cluster, name), nodes, edges, depth + 1)
            case "graph", "[":
                cluster.attributes |= self.attributes()
            case "node", "[":
                nodes |= self.attributes()
            case "edge", "[":
                edges |= self.attributes()
            case _, "=":
                self.at -= 1
                cluster.attributes |= self.pair()
            case _:
                self.chain(token.text, cluster, nodes, edges)

    def inner(self, cluster: Cluster, name: str) -> Cluster:
        """The cluster of a name in another; a subgraph that is no cluster is not seen."""
        if not name.startswith("cluster"):
            return cluster
        found = next((c for c in cluster.clusters if c.name == name), None)
        if found is None:
            found = Cluster(name, parent=cluster)
            cluster.clusters.append(found)
        return found

    def chain(self, name: str, cluster: Cluster, nodes: dict[str, str], edges: dict[str, str]) -> None:
        """A node, or edges from each of several to the next."""
        ends = [(name, self.port())]
        while self.peek().kind == "sign" and self.peek().text in ("->", "--"):
            if self.take().text == "--":
                raise Unreadable("this is an undirected graph", "it is no figure that `archdsl draw` wrote")
            ends.append((self.take().text, self.port()))
        line = self.tokens[self.at - 1].line
        given = self.attributes()
        for end, _ in ends:
            self.found.lines.setdefault(end, line)
            self.found.nodes.setdefault(end, dict(nodes))
            home = self.homes.setdefault(end, self.found.root)
            if cluster.within(home):
                self.homes[end] = cluster
        if len(ends) == 1:
            self.found.nodes[name] |= given
        for (tail, out), (head, into) in pairwise(ends):
            self.found.edges.append(Edge(tail, out, head, into, edges | given))

    def port(self) -> str:
        names = []
        while self.has(":"):
            names.append(self.take().text)
        return names[0] if names else ""

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.has("["):
            while not self.has("]"):
                if not (self.has(",") or self.has(";")):
                    found |= self.pair()
        return found

    def pair(self) -> dict[str, str]:
        """A key and its value; of a label in angle brackets also that it is one."""
        key = self.take().text
        self.take("=")
        value = self.take()
        return {key: value.text} | ({f"{key} is html": "yes"} if value.kind == "html" else {})

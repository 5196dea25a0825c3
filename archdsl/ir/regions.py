"""All that is within a region, however deep."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.ir.program import Node, Region, Repeat, Until


def regions(region: Region) -> Iterator[Region]:
    """A region and all within it."""
    yield region
    for node in region.nodes:
        if isinstance(node, (Repeat, Until)):
            yield from regions(node.body)


def nodes(region: Region) -> Iterator[Node]:
    """The nodes of a region and of all within it."""
    for inner in regions(region):
        yield from inner.nodes

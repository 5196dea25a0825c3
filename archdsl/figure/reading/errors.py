"""What `read` says of a picture from which no program can be had.

In: what was found. Out: exceptions with a message and a hint, both whole sentences' parts as the command line shows them; `within` adds the
place.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

BY_HAND = "it may be damaged, or changed by hand; draw it again from its program"


class Unreadable(Exception):
    """The picture is not one of archdsl's, or is damaged."""

    def __init__(self, message: str, hint: str = BY_HAND):
        super().__init__(spoken(message))
        self.message, self.hint = spoken(message), spoken(hint)
        self.file = ""
        """Which of several pictures it is in, if it is in one."""


def spoken(text: str) -> str:
    """Label text as plain text, on one line."""
    return " ".join(html.unescape(_MARKUP.sub("", text)).split())


_MARKUP = re.compile(r"</?(?:B|SUB|SUP)>|<BR/>")


class Holes(Unreadable):
    """The figure leaves out what some definitions hold. `names` are theirs."""

    def __init__(self, names: Sequence[str]):
        self.names = list(names)
        shown = ", ".join(names)
        super().__init__(
            f"the figure does not show what is inside {shown}",
            "draw it whole, without --only, --collapse and --depth; or give all its parts at once",
        )


@contextmanager
def within(panel: str) -> Iterator[None]:
    """What is wrong in a panel says in which. What no figure can bring about, damage can: that is no failure of the reader."""
    name = spoken(panel)
    try:
        yield
    except Holes:
        raise
    except Unreadable as problem:
        if re.search(rf"\b{re.escape(name)}\b", problem.message):
            raise
        raise Unreadable(f"in the panel of {name}, {problem.message}", problem.hint) from None
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        StopIteration,
        RecursionError,
    ) as problem:
        raise Unreadable(
            f"in the panel of {name}, the marks do not fit together ({type(problem).__name__})"
        ) from problem

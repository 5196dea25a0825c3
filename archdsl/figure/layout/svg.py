"""An SVG that looks the same in every browser: the font inside, every text as wide as it was measured, nothing that varies.

In: Graphviz's SVG, a title, a description and a scale. Out: SVG bytes. Names of nodes, comments and versions are gone; what is left is what
is seen, and for who cannot see it, a title and a description. Indices and exponents have their own size and place (`dy`), for there are
browsers that do not know `baseline-shift`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re

from archdsl.figure.layout import fonts

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n?")
_TITLE = re.compile(r"<title>.*?</title>\n?", re.DOTALL)
_ANCHOR = re.compile(r"<a ([^>]*)>\n?|</a>\n?")
_EMPTY = re.compile(r"<a [^>]*>\s*</a>\n?")
_ADDRESS = re.compile(r'xlink:href="[^"]*"')
_GROUP = re.compile(r'<g id="([^"]*)"')
_TEXT = re.compile(r"<text ([^>]*)>(.*?)</text>", re.DOTALL)
_SIZE = re.compile(r'font-size="([0-9.]+)"')


_FILL = re.compile(r'fill="([^"]*)"')
_SHIFT = re.compile(r'baseline-shift="(sub|super)"')
_DOWN = {"sub": 0.16, "super": -0.36}
"""How far below its line's an index stands, in sizes of the line."""
_INDEX = 1.2
_SIZES = re.compile(r'(<svg) width="([0-9.]+)pt" height="([0-9.]+)pt"\s')


def finish(data: bytes, title: str, description: str, scale: float = 1.0) -> bytes:
    text = data.decode("utf-8")
    for pattern in (_COMMENT, _DOCTYPE, _TITLE):
        text = pattern.sub("", text)
    text, linked = _links(text)
    text = _GROUP.sub("<g", text)
    used: set[str] = set()
    text = _TEXT.sub(lambda m: _measured(m, used), text)
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]  # unlike that of another figure on the same page
    text = _SIZES.sub(lambda m: _opening(m, mark, bool(description), scale, linked), text, count=1)
    start = text.index("<g ")
    words = f'<title id="title-{mark}">{html.escape(title, quote=False)}</title>\n'
    if description:
        words += f'<desc id="desc-{mark}">{html.escape(description, quote=False)}</desc>\n'
    return (text[:start] + words + _style(used) + text[start:]).encode("utf-8")


def _links(text: str) -> tuple[str, bool]:
    """The links that lead somewhere, and whether there are any; those that Graphviz makes to bear a tooltip are gone."""
    kept: list[bool] = []

    def shown(match: re.Match[str]) -> str:
        if match[1] is None:
            return "</a>\n" if kept.pop() else ""
        address = _ADDRESS.search(match[1])
        kept.append(address is not None)
        return f'<a {address[0]} target="_top">\n' if address else ""

    found = _EMPTY.sub("", _ANCHOR.sub(shown, text))
    return found, "<a xlink:href" in found


def _opening(match: re.Match[str], mark: str, described: bool, scale: float, linked: bool) -> str:
    """The SVG's head: its size on the page, and what it is to a screen reader: an image, or a document where there are links in it."""
    names = f"title-{mark} desc-{mark}" if described else f"title-{mark}"
    width, height = (float(match[i]) * scale for i in (2, 3))
    role = "graphics-document document" if linked else "img"
    return f'{match[1]} role="{role}" aria-labelledby="{names}" width="{width:.2f}pt" height="{height:.2f}pt" '


def _measured(match: re.Match[str], used: set[str]) -> str:
    """A text with the width it was laid out with, should another font stand in."""
    content = html.unescape(match[2])
    if not content.strip("\u200a"):
        return ""
    used.update(content)
    attributes = match[1].replace('font-family="DejaVu Sans"', "").replace("  ", " ").strip()
    font, size = fonts.load(), _SIZE.search(attributes)
    if size and (shift := _SHIFT.search(attributes)):
        line = float(size[1])
        attributes = _SHIFT.sub(f'dy="{_DOWN[shift[1]] * line:.2f}"', attributes)
        attributes = _SIZE.sub(f'font-size="{line / _INDEX:.2f}"', attributes)
        size = _SIZE.search(attributes)
    if not font or not size or not content.strip():
        return f"<text {attributes}>{match[2]}</text>"
    bold = 'font-weight="bold"' in attributes
    if bold and (fill := _FILL.search(attributes)):
        attributes += f' color="{fill[1]}"'
    width = font.set_width(content, float(size[1]), bold)
    return f'<text {attributes} textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs">{match[2]}</text>'


def _style(used: set[str]) -> str:
    font = fonts.load()
    face = ""
    if font:
        data = base64.b64encode(font.subset("".join(sorted(used)))).decode("ascii")
        face = f'@font-face{{font-family:"{fonts.FAMILY}";src:url(data:font/ttf;base64,{data})}}\n'
    return f'<style>\n{face}text{{font-family:"{fonts.FAMILY}","Bitstream Vera Sans",Verdana,sans-serif}}\n{_BOLD}</style>\n'


_BOLD = """text[font-weight="bold"]{font-weight:normal;stroke:currentColor;stroke-width:.036em;letter-spacing:.042em}
"""
"""The font inside has one weight. Browsers thicken it each in its own way, others take a wider bold font from the machine; here all of them
draw its outline."""

"""An SVG that looks the same in every browser: the font inside, every text as wide as it was measured, nothing that varies.

In: Graphviz's SVG, a title and a description. Out: SVG bytes. Names of nodes, comments and versions are gone; what is left is what is seen.
"""

from __future__ import annotations

import base64
import html
import re

from archdsl.figure.layout import fonts

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n?")
_TITLE = re.compile(r"<title>.*?</title>\n?", re.DOTALL)
_ANCHOR = re.compile(r"<a xlink:title=\"[^\"]*\">\n?|</a>\n?")
_GROUP = re.compile(r'<g id="([^"]*)"')
_TEXT = re.compile(r"<text ([^>]*)>(.*?)</text>", re.DOTALL)
_SIZE = re.compile(r'font-size="([0-9.]+)"')


def finish(data: bytes, title: str, description: str) -> bytes:
    text = data.decode("utf-8")
    for pattern in (_COMMENT, _DOCTYPE, _TITLE, _ANCHOR):
        text = pattern.sub("", text)
    text = _GROUP.sub("<g", text)
    used: set[str] = set()
    text = _TEXT.sub(lambda m: _measured(m, used), text)
    start = text.index("<g ")
    words = f"<title>{html.escape(title, quote=False)}</title>\n"
    if description:
        words += f"<desc>{html.escape(description, quote=False)}</desc>\n"
    return (text[:start] + words + _style(used) + text[start:]).encode("utf-8")


def _measured(match: re.Match[str], used: set[str]) -> str:
    """A text with the width it was laid out with, should another font stand in."""
    content = html.unescape(match[2])
    if not content.strip("\u200a"):
        return ""
    used.update(content)
    font, size = fonts.load(), _SIZE.search(match[1])
    attributes = match[1].replace('font-family="DejaVu Sans"', "").replace("  ", " ").strip()
    if not font or not size or not content.strip():
        return f"<text {attributes}>{match[2]}</text>"
    width = font.width(content.replace("\xa0", " "), float(size[1]))
    return f'<text {attributes} textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs">{match[2]}</text>'


def _style(used: set[str]) -> str:
    font = fonts.load()
    face = ""
    if font:
        data = base64.b64encode(font.subset("".join(sorted(used)))).decode("ascii")
        face = f'@font-face{{font-family:"{fonts.FAMILY}";src:url(data:font/ttf;base64,{data})}}\n'
    return f'<style>\n{face}text{{font-family:"{fonts.FAMILY}",Verdana,sans-serif}}\n</style>\n'

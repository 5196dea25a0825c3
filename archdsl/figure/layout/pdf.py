"""A PDF of one page: lines, words that can be selected, their font, and a text for who cannot see the figure. No date, no version.

In: Graphviz's SVG, with every shape and every word at its place. Out: PDF bytes, the same wherever the SVG is. Graphviz's own PDF was not
enough: its bytes depend on the version of the libraries that it was built with, and it has neither title nor alternative text.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from urllib.parse import quote

from archdsl.figure.layout import fonts

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBERS = re.compile(r"-?[0-9.]+")
_INDEX = 1.2
_SHIFT = {"sub": -0.16, "super": 0.36}
_PEN = 0.036
"""In sizes, how thick the pen is that makes letters bold."""
_ROUND = 0.5523
"""Where the control points of a quarter of an ellipse are."""


def page(data: bytes, title: str, description: str, scale: float) -> bytes:
    root = ET.fromstring(data)
    box = [float(n) for n in _NUMBERS.findall(root.get("viewBox", "0 0 0 0"))]
    graph = root.find(f"{_SVG}g")
    assert graph is not None
    shift = [float(n) for n in _NUMBERS.findall(graph.get("transform", "").partition("translate")[2])]
    texts = [t for t in graph.iter(f"{_SVG}text") if (t.text or "").strip("\u200a \xa0")]
    letters = _Letters("".join(t.text or "" for t in texts))
    canvas = _Canvas(shift[0], box[3] - shift[1], scale, letters)
    for element in graph.iter():
        canvas.draw(element)
    links = [(a.get(_HREF, ""), area) for a in graph.iter(f"{_SVG}a") if a.get(_HREF) and (area := canvas.area(a))]
    content = "/Figure <</MCID 0>> BDC\n" + "\n".join(canvas.lines) + "\nEMC"
    return _file(content, box[2] * scale, box[3] * scale, title, description, letters, links)


@dataclass
class _Canvas:
    """The page's content, in the order it is drawn."""

    dx: float
    top: float
    scale: float
    letters: _Letters
    lines: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> str:
        return f"{_n((x + self.dx) * self.scale)} {_n((self.top - y) * self.scale)}"

    def area(self, link: ET.Element) -> str:
        """The rectangle that a link covers: that of the first shape in it, if there is one."""
        corners: list[tuple[float, float]] = []
        for e in link.iter():
            if e.tag == f"{_SVG}ellipse":
                cx, cy, rx, ry = (float(e.get(k, "0")) for k in ("cx", "cy", "rx", "ry"))
                corners = [(cx - rx, cy - ry), (cx + rx, cy + ry)]
            elif e.tag in (f"{_SVG}polygon", f"{_SVG}path"):
                xy = [float(n) for n in _NUMBERS.findall(e.get("points") or e.get("d") or "")]
                corners = [(min(xy[::2]), min(xy[1::2])), (max(xy[::2]), max(xy[1::2]))]
            if corners:
                (x0, y0), (x1, y1) = corners
                return f"[{self.at(x0, y1)} {self.at(x1, y0)}]"
        return ""

    def draw(self, e: ET.Element) -> None:
        match e.tag.removeprefix(_SVG):
            case "ellipse":
                self._paint(e, self._ellipse(*(float(e.get(k, "0")) for k in ("cx", "cy", "rx", "ry"))))
            case "polygon" | "polyline" as kind:
                xy = [float(n) for n in _NUMBERS.findall(e.get("points", ""))]
                points = [self.at(x, y) for x, y in zip(xy[::2], xy[1::2])]
                self._paint(
                    e, f"{points[0]} m {' '.join(f'{p} l' for p in points[1:])}{' h' if kind == 'polygon' else ''}"
                )
            case "path":
                xy = [float(n) for n in _NUMBERS.findall(e.get("d", ""))]
                points = [self.at(x, y) for x, y in zip(xy[::2], xy[1::2])]
                curves = (f"{' '.join(points[i : i + 3])} c" for i in range(1, len(points) - 2, 3))
                self._paint(e, f"{points[0]} m {' '.join(curves)}")
            case "text" if (e.text or "").strip("\u200a \xa0"):
                self._write(e)

    def _ellipse(self, cx: float, cy: float, rx: float, ry: float) -> str:
        kx, ky = rx * _ROUND, ry * _ROUND
        corners = [(rx, 0.0), (rx, ky), (kx, ry), (0.0, ry), (-kx, ry), (-rx, ky), (-rx, 0.0),
                   (-rx, -ky), (-kx, -ry), (0.0, -ry), (kx, -ry), (rx, -ky), (rx, 0.0)]  # fmt: skip
        p = [self.at(cx + x, cy + y) for x, y in corners]
        return f"{p[0]} m " + " ".join(f"{p[i]} {p[i + 1]} {p[i + 2]} c" for i in (1, 4, 7, 10)) + " h"

    def _paint(self, e: ET.Element, path: str) -> None:
        fill, stroke = _color(e.get("fill", "black")), _color(e.get("stroke", "none"))
        style = ""
        if stroke:
            dashes = " ".join(_n(float(d) * self.scale) for d in _NUMBERS.findall(e.get("stroke-dasharray", "")))
            style = f"{stroke} RG {_n(float(e.get('stroke-width', '1')) * self.scale)} w [{dashes}] 0 d "
        if fill:
            style += f"{fill} rg "
        how = "B" if fill and stroke else "f" if fill else "S" if stroke else "n"
        self.lines.append(f"{style}{path} {how}")

    def _write(self, e: ET.Element) -> None:
        text = (e.text or "").replace("\u200a", "")
        size, y = float(e.get("font-size", "10")), float(e.get("y", "0"))
        if shift := e.get("baseline-shift"):
            y -= _SHIFT[shift] * size
            size /= _INDEX
        bold = e.get("font-weight") == "bold"
        narrow = 100 * self.letters.font.set_width(text, size, bold) / (self.letters.font.width(text, size) or 1.0)
        size *= self.scale
        color = _color(e.get("fill", "black"))
        pen = f"2 Tr {_n(size * _PEN)} w [] 0 d {color} RG" if bold else "0 Tr"
        where = self.at(float(e.get("x", "0")), y)
        self.lines.append(
            f"BT /F {_n(size)} Tf {narrow:.1f} Tz {color} rg {pen} {where} Td <{self.letters.codes(text)}> Tj ET"
        )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"


def _color(value: str) -> str:
    """Red, green and blue from 0 to 1; nothing for what is not drawn."""
    if value in ("none", "transparent"):
        return ""
    digits = value[1:] if value.startswith("#") else {"white": "ffffff"}.get(value, "000000")
    return " ".join(f"{int(digits[i : i + 2], 16) / 255:.3f}" for i in (0, 2, 4))


class _Letters:
    """The packaged font, cut down to the letters of one figure."""

    def __init__(self, text: str):
        font = fonts.load()
        assert font
        self.data = font.subset("".join(sorted({*text, " ", "?"})))
        self.font = fonts.Font(self.data)
        self.used = {self.font.glyph(c): c for c in sorted({*text, " ", "?"}, reverse=True) if self.font.glyph(c)}

    def codes(self, text: str) -> str:
        return "".join(f"{self.font.glyph(c):04X}" for c in text)

    def em(self, units: float) -> int:
        return round(units * 1000 / int(self.font.units))

    def widths(self) -> str:
        return "[" + " ".join(f"{g} [{self.em(self.font.metric(g)[0])}]" for g in sorted({0, *self.used})) + "]"

    def unicode(self) -> str:
        """What each glyph means, for who selects and searches."""
        rows = [f"<{g:04X}> <{c.encode('utf-16-be').hex().upper()}>" for g, c in sorted(self.used.items())]
        blocks = [rows[i : i + 100] for i in range(0, len(rows), 100)]
        body = "\n".join(f"{len(b)} beginbfchar\n" + "\n".join(b) + "\nendbfchar" for b in blocks)
        return (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def /CMapName /Letters def\n"
            "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
            f"{body}\nendcmap CMapName currentdict /CMap defineresource pop end end"
        )


def _file(
    content: str,
    width: float,
    height: float,
    title: str,
    description: str,
    letters: _Letters,
    links: list[tuple[str, str]],
) -> bytes:
    tag = "".join(chr(65 + b % 26) for b in hashlib.sha256(letters.data).digest()[:6])
    name, box, vertical = f"/{tag}+DejaVuSans", letters.font.box(), letters.font.vertical()
    words = f"{title}. {description}" if description else title
    annotations = f" /Annots [{' '.join(f'{13 + i} 0 R' for i in range(len(links)))}]" if links else ""
    objects: list[bytes] = [
        b"<</Type /Catalog /Pages 2 0 R /Lang (en) /MarkInfo <</Marked true>> /StructTreeRoot 9 0 R "
        b"/ViewerPreferences <</DisplayDocTitle true>>>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 {_n(width)} {_n(height)}] /Contents 4 0 R /StructParents 0 "
        f"/Resources <</Font <</F 5 0 R>>>>{annotations}>>".encode(),
        _stream(content.encode("ascii")),
        f"<</Type /Font /Subtype /Type0 /BaseFont {name} /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 8 0 R>>".encode(),
        f"<</Type /Font /Subtype /CIDFontType2 /BaseFont {name} /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>> "
        f"/CIDToGIDMap /Identity /FontDescriptor 7 0 R /W {letters.widths()}>>".encode(),
        f"<</Type /FontDescriptor /FontName {name} /Flags 4 /FontBBox [{' '.join(str(letters.em(b)) for b in box)}] /ItalicAngle 0 "
        f"/Ascent {letters.em(vertical[0])} /Descent {letters.em(vertical[1])} /CapHeight 729 /StemV 90 /FontFile2 12 0 R>>".encode(),
        _stream(letters.unicode().encode("ascii")),
        b"<</Type /StructTreeRoot /K 10 0 R /ParentTree <</Nums [0 [10 0 R]]>>>>",
        b"<</Type /StructElem /S /Figure /P 9 0 R /Pg 3 0 R /K 0 /Alt " + _string(words) + b">>",
        b"<</Title " + _string(title) + b" /Subject " + _string(description) + b" /Creator (archdsl)>>",
        _stream(letters.data, f" /Length1 {len(letters.data)}"),
        *(_link(address, area) for address, area in links),
    ]
    return _joined(objects)


def _stream(data: bytes, more: str = "") -> bytes:
    return f"<</Length {len(data)}{more}>>\nstream\n".encode() + data + b"\nendstream"


def _link(address: str, area: str) -> bytes:
    uri = re.sub(r"([()\\\\])", r"\\\1", quote(address, safe="%/:=&?~#+!$,;'@()*[]"))
    return f"<</Type /Annot /Subtype /Link /Rect {area} /Border [0 0 0] /A <</S /URI /URI ({uri})>>>>".encode("ascii")


def _string(text: str) -> bytes:
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().upper().encode() + b">"


def _joined(objects: list[bytes]) -> bytes:
    """The file: its objects, and the table of where they are."""
    data = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, text in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n".encode() + text + b"\nendobj\n"
    table = b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    mark = hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
    trailer = (
        f"trailer\n<</Size {len(objects) + 1} /Root 1 0 R /Info 11 0 R /ID [<".encode()
        + mark
        + b"><"
        + mark
        + b">]>>\n"
    )
    start = f"startxref\n{len(data)}\n%%EOF\n".encode()
    return data + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode() + table + trailer + start

"""The font that comes with a package: found, measured, and cut down to the characters of one figure.

In: characters. Out: widths in font units, and a small TrueType file that holds these characters alone.
"""

from __future__ import annotations

import importlib.util
import struct
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

FAMILY = "DejaVu Sans"
_KEPT = ("head", "hhea", "maxp", "OS/2", "name")


@cache
def folder() -> Path | None:
    """The folder of the font, if the package that carries it is there."""
    spec = importlib.util.find_spec("ziafont")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "fonts"
    return path if (path / "DejaVuSans.ttf").is_file() else None


@cache
def load() -> Font | None:
    path = folder()
    return Font((path / "DejaVuSans.ttf").read_bytes()) if path else None


class Font:
    """A TrueType font, read as far as measuring and subsetting need."""

    def __init__(self, data: bytes):
        self.data = data
        (count,) = struct.unpack_from(">H", data, 4)
        self.tables: dict[str, bytes] = {}
        for i in range(count):
            tag, _, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * i)
            self.tables[tag.decode("latin-1")] = data[offset : offset + length]
        (self.units,) = struct.unpack_from(">H", self.tables["head"], 18)
        (self._long_loca,) = struct.unpack_from(">h", self.tables["head"], 50)
        (self._metrics,) = struct.unpack_from(">H", self.tables["hhea"], 34)
        self._glyph_of: dict[int, int] = {}

    def glyph(self, char: str) -> int:
        """The glyph of a character; 0 where the font has none."""
        code = ord(char)
        if code not in self._glyph_of:
            self._glyph_of[code] = self._look_up(code)
        return self._glyph_of[code]

    def _look_up(self, code: int) -> int:
        cmap = self.tables["cmap"]
        (count,) = struct.unpack_from(">H", cmap, 2)
        for i in range(count):
            _, _, offset = struct.unpack_from(">HHI", cmap, 4 + 8 * i)
            (form,) = struct.unpack_from(">H", cmap, offset)
            glyph = _format4(cmap, offset, code) if form == 4 else _format12(cmap, offset, code) if form == 12 else 0
            if glyph:
                return glyph
        return 0

    def metric(self, glyph: int) -> tuple[int, int]:
        """Advance width and left side bearing."""
        hmtx = self.tables["hmtx"]
        if glyph < self._metrics:
            advance, bearing = struct.unpack_from(">Hh", hmtx, 4 * glyph)
            return advance, bearing
        (advance,) = struct.unpack_from(">H", hmtx, 4 * (self._metrics - 1))
        (bearing,) = struct.unpack_from(">h", hmtx, 4 * self._metrics + 2 * (glyph - self._metrics))
        return advance, bearing

    def advance(self, char: str) -> int:
        """How wide a character is; one that the font lacks, as wide as other fonts have it, or nearly."""
        glyph = self.glyph(char)
        if glyph or not char.isprintable():
            return self.metric(glyph)[0]
        if unicodedata.combining(char):
            return 0
        return int(self.units) if unicodedata.east_asian_width(char) in "WF" else self.metric(0)[0]

    def lacking(self, text: str) -> list[str]:
        """The characters of a text that can be seen, and that the font has not, each once."""
        return [c for c in dict.fromkeys(text) if not c.isspace() and c.isprintable() and not self.glyph(c)]

    def box(self) -> tuple[int, int, int, int]:
        """What holds every glyph, in font units."""
        x0, y0, x1, y1 = struct.unpack_from(">4h", self.tables["head"], 36)
        return x0, y0, x1, y1

    def vertical(self) -> tuple[int, int]:
        """Ascent and descent, in font units."""
        up, down = struct.unpack_from(">2h", self.tables["hhea"], 4)
        return up, down

    def width(self, text: str, size: float) -> float:
        """The width of a text, in the unit of `size`."""
        return sum(self.advance(c) for c in text) * size / int(self.units)

    def set_width(self, text: str, size: float, bold: bool = False) -> float:
        """The width that the layout took a text to have: Pango sets letters on whole pixels, of 96 to the inch.

        Kerning apart, which only brings letters closer. What is bold is made so by a pen of a 24th of its size.
        """
        pixels = size * 96 / 72
        more = pixels / 24 if bold else 0.0
        advances = (self.advance(c) * pixels / int(self.units) + more for c in text)
        return sum(int(a + 0.5) for a in advances) * 72 / 96

    def outline(self, glyph: int) -> bytes:
        loca, form = self.tables["loca"], ">II" if self._long_loca else ">HH"
        start, end = struct.unpack_from(form, loca, glyph * (4 if self._long_loca else 2))
        scale = 1 if self._long_loca else 2
        return self.tables["glyf"][start * scale : end * scale]

    def contours(self, glyph: int) -> list[list[tuple[float, float, bool]]]:
        """The closed lines of a glyph: points in font units, and whether each lies on its curve."""
        outline = self.outline(glyph)
        found = list(_points(outline)) if outline else []
        for at, flags, part in _components(outline)[:-1]:
            form = ">hh" if flags & 1 else ">bb"
            dx, dy = struct.unpack_from(form, outline, at + 4) if flags & 2 else (0, 0)
            found += [[(x + dx, y + dy, on) for x, y, on in c] for c in self.contours(part)]
        return found

    def subset(self, characters: str) -> bytes:
        """A font file with these characters and no others, without hints."""
        codes = sorted({ord(c) for c in characters if self.glyph(c)})
        order = [0]
        for code in codes:
            if self._glyph_of[code] not in order:
                order.append(self._glyph_of[code])
        for glyph in order:  # grows while it runs: the parts of a composite are glyphs too
            order.extend(p for p in _parts(self.outline(glyph)) if p not in order)
        place = {glyph: i for i, glyph in enumerate(order)}
        outlines = [_plain(self.outline(g), place) for g in order]
        return _assemble(
            self.tables,
            outlines,
            [self.metric(g) for g in order],
            {c: place[self._glyph_of[c]] for c in codes},
        )


def _format4(cmap: bytes, offset: int, code: int) -> int:
    (double,) = struct.unpack_from(">H", cmap, offset + 6)
    ends = offset + 14
    for i in range(0, double, 2):
        (end,) = struct.unpack_from(">H", cmap, ends + i)
        if code > end:
            continue
        start, delta, step = (struct.unpack_from(">H", cmap, ends + 2 + double * k + i)[0] for k in (1, 2, 3))
        if code < start:
            return 0
        if step == 0:
            return int((code + delta) & 0xFFFF)
        (glyph,) = struct.unpack_from(">H", cmap, ends + 2 + double * 3 + i + step + 2 * (code - start))
        return int((glyph + delta) & 0xFFFF) if glyph else 0
    return 0


def _format12(cmap: bytes, offset: int, code: int) -> int:
    (groups,) = struct.unpack_from(">I", cmap, offset + 12)
    for i in range(groups):
        start, end, glyph = struct.unpack_from(">III", cmap, offset + 16 + 12 * i)
        if start <= code <= end:
            return int(glyph + code - start)
    return 0


def _points(outline: bytes) -> list[list[tuple[float, float, bool]]]:
    """The contours of a simple outline; none of a composite one."""
    (count,) = struct.unpack_from(">h", outline, 0)
    if count <= 0:
        return []
    ends = struct.unpack_from(f">{count}H", outline, 10)
    at = 10 + 2 * count
    at += 2 + int(struct.unpack_from(">H", outline, at)[0])
    flags: list[int] = []
    while len(flags) <= ends[-1]:
        flag, at = outline[at], at + 1
        repeats = 0
        if flag & 8:
            repeats, at = outline[at], at + 1
        flags += [flag] * (1 + repeats)
    axes: list[list[int]] = []
    for short, same in ((2, 16), (4, 32)):
        value, values = 0, []
        for flag in flags:
            if flag & short:
                value += outline[at] if flag & same else -outline[at]
                at += 1
            elif not flag & same:
                value += int(struct.unpack_from(">h", outline, at)[0])
                at += 2
            values.append(value)
        axes.append(values)
    points = [(float(x), float(y), bool(f & 1)) for x, y, f in zip(*axes, flags)]
    starts = [0, *(e + 1 for e in ends)]
    return [points[a:b] for a, b in pairwise(starts)]


def _components(outline: bytes) -> list[tuple[int, int, int]]:
    """Position, flags and glyph of each part of a composite outline."""
    if len(outline) < 10 or struct.unpack_from(">h", outline, 0)[0] >= 0:
        return []
    found, at = [], 10
    while True:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        found.append((at, flags, glyph))
        at += 4 + (4 if flags & 1 else 2) + (2 if flags & 8 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0)
        if not flags & 0x20:
            return [*found, (at, 0, -1)]


def _parts(outline: bytes) -> list[int]:
    return [glyph for _, _, glyph in _components(outline)[:-1]]


def _plain(outline: bytes, place: dict[int, int]) -> bytes:
    """The outline without hints, its parts renumbered."""
    if not outline:
        return b""
    (contours,) = struct.unpack_from(">h", outline, 0)
    if contours >= 0:
        at = 10 + 2 * contours
        (hints,) = struct.unpack_from(">H", outline, at)
        return outline[:at] + b"\0\0" + outline[at + 2 + hints :]
    *parts, (end, _, _) = _components(outline)
    result = bytearray(outline[:end])
    for at, flags, glyph in parts:
        struct.pack_into(">HH", result, at, flags & ~0x100, place[glyph])
    return bytes(result)


def _assemble(
    source: dict[str, bytes], outlines: list[bytes], metrics: list[tuple[int, int]], cmap: dict[int, int]
) -> bytes:
    tables = {tag: source[tag] for tag in _KEPT}
    padded = [o + b"\0" * (-len(o) % 4) for o in outlines]
    offsets = [0]
    for o in padded:
        offsets.append(offsets[-1] + len(o))
    tables["glyf"] = b"".join(padded)
    tables["loca"] = struct.pack(f">{len(offsets)}I", *offsets)
    tables["hmtx"] = b"".join(struct.pack(">Hh", *m) for m in metrics)
    tables["cmap"] = _cmap(cmap)
    tables["post"] = struct.pack(">IIhhIIIII", 0x00030000, 0, 0, 0, 0, 0, 0, 0, 0)
    tables["name"] = struct.pack(">HHH", 0, 0, 6)
    tables["head"] = (
        source["head"][:8] + b"\0\0\0\0" + source["head"][12:50] + struct.pack(">h", 1) + source["head"][52:]
    )
    tables["hhea"] = source["hhea"][:34] + struct.pack(">H", len(metrics))
    tables["maxp"] = source["maxp"][:4] + struct.pack(">H", len(metrics)) + source["maxp"][6:]
    return _file(tables)


def _cmap(codes: dict[int, int]) -> bytes:
    """A format 4 table with one segment for each character; beyond what that can hold, a format 12 table as well."""
    items = [*((c, g) for c, g in sorted(codes.items()) if c < 0x10000), (0xFFFF, 0)]
    n = len(items)
    power = 1 << (n.bit_length() - 1)
    head = struct.pack(">HHHHHHH", 4, 16 + 8 * n, 0, 2 * n, 2 * power, power.bit_length() - 1, 2 * (n - power))
    ends = struct.pack(f">{n}H", *(c for c, _ in items))
    deltas = struct.pack(f">{n}H", *((g - c) & 0xFFFF for c, g in items))
    table = head + ends + b"\0\0" + ends + deltas + b"\0\0" * n
    if max(codes, default=0) < 0x10000:
        return struct.pack(">HHHHI", 0, 1, 3, 1, 12) + table
    groups = b"".join(struct.pack(">III", c, c, g) for c, g in sorted(codes.items()))
    long = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(codes)) + groups
    return struct.pack(">HHHHIHHI", 0, 2, 3, 1, 20, 3, 10, 20 + len(table)) + table + long


def _file(tables: dict[str, bytes]) -> bytes:
    n = len(tables)
    power = 1 << (n.bit_length() - 1)
    head = struct.pack(">IHHHH", 0x00010000, n, 16 * power, power.bit_length() - 1, 16 * (n - power))
    at, directory, body = 12 + 16 * n, b"", b""
    for tag in sorted(tables):
        data = tables[tag] + b"\0" * (-len(tables[tag]) % 4)
        checksum = sum(struct.unpack(f">{len(data) // 4}I", data)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", tag.encode(), checksum, at + len(body), len(tables[tag]))
        body += data
    return head + directory + body

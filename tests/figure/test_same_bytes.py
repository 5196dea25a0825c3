"""The same program, the same bytes: whatever fonts, programs, language and hash seed a machine has."""

import hashlib
import os
import stat
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from archdsl.compiler import analyse
from archdsl.figure import figure, paint

PROGRAM = '''"""An LSTM over words."""
model M(d = 4, big_n = 2) { input x: [batch, time, d]
 x -> scan LSTM(d) over time -> output y
 w0 = Linear(big_n)(y) * d^big_n
 output w0 }'''
FORMS = ("dot", "svg", "tikz", "pdf", "png")
SCRIPT = """
import hashlib, sys
from archdsl.compiler import analyse
from archdsl.figure import figure, paint
drawn = figure(analyse(sys.stdin.read(), "m.arch"), theme="paper")
for form in sys.argv[1:]:
    print(form, hashlib.sha256(drawn.dot.encode() if form == "dot" else paint([drawn], form)[0]).hexdigest())
"""
EMPTY = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>'
DOT = "#!/bin/sh\necho 'this is no Graphviz'; exit 1\n"


def environment(kind: str, home: Path) -> dict[str, str]:
    """What the machine has, besides Python."""
    bare = {"PATH": "", "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    bare |= {k: os.environ[k] for k in ("SYSTEMROOT",) if k in os.environ}
    match kind:
        case "bare":
            return bare
        case "empty font configuration":
            (home / "fonts.conf").write_text(EMPTY, encoding="utf-8")
            return {**bare, "FONTCONFIG_FILE": str(home / "fonts.conf"), "XDG_DATA_HOME": str(home)}
        case "another font of that name":
            (home / "fonts.conf").write_text(
                EMPTY.replace(
                    "</fontconfig>",
                    "<match><edit name='family' mode='assign' binding='strong'><string>monospace</string></edit></match></fontconfig>",
                ),
                encoding="utf-8",
            )
            return {**bare, "FONTCONFIG_FILE": str(home / "fonts.conf"), "FONTCONFIG_PATH": "/etc/fonts"}
        case "a dot that does not work":
            (home / "dot").write_text(DOT, encoding="utf-8")
            (home / "dot").chmod(stat.S_IRWXU)
            return {**bare, "PATH": str(home), "GVBINDIR": str(home), "DOTFONTPATH": str(home)}
        case "German":
            return {**bare, "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LANGUAGE": "de:tr", "PYTHONHASHSEED": "1"}
        case _:
            return {
                **bare,
                "LC_ALL": "tr_TR.ISO-8859-9",
                "PYTHONHASHSEED": "12345",
                "TZ": "Asia/Tokyo",
                "PANGO_LANGUAGE": "ja",
            }


@pytest.mark.parametrize(
    "kind",
    ["bare", "empty font configuration", "another font of that name", "a dot that does not work", "German", "Turkish"],
)
def test_the_same_bytes(kind: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", SCRIPT, *FORMS],
        input=PROGRAM.encode(),
        capture_output=True,
        env=environment(kind, tmp_path),
        check=False,
    )
    assert done.stderr == b"" and done.returncode == 0
    assert dict(line.split() for line in done.stdout.decode().splitlines()) == digests()


@cache
def digests() -> dict[str, str]:
    """What this process makes of the program, with all that its machine has."""
    drawn = figure(analyse(PROGRAM, "m.arch"))
    made = {form: drawn.dot.encode() if form == "dot" else paint([drawn], form)[0] for form in FORMS}
    return {form: hashlib.sha256(data).hexdigest() for form, data in made.items()}

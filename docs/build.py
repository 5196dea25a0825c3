"""Builds what the documentation shows of programs, from the programs.

    python docs/build.py

In: `examples/`, `studies/`, `docs/gallery.toml`, and the pages written by hand. Out, the same bytes each time:

- `docs/gallery/`: the index, and for each example its page, figure and code;
- in `docs/*.md`, what stands between `<!-- side by side: lstm#cell peephole_lstm#cell -->` and `<!-- end -->`: programs and
  figures in columns; and what stands between `<!-- difference: lstm#LSTM peephole_lstm#Step -->` and `<!-- end -->`: one
  definition, with what is otherwise in the other marked;
- `docs/figures/`: those figures, and for an image that follows a block of archdsl, the figure of that block;
- `docs/figures.sha256`: a digest of what each figure was laid out from, so that a test can tell quickly that none is stale.
"""

from __future__ import annotations

import difflib
import hashlib
import html
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that a checkout need not be installed

import archdsl  # noqa: E402
from archdsl.compiler import analyse_file  # noqa: E402
from archdsl.figure import Figure, figure  # noqa: E402
from archdsl.ir.program import Definition, Program  # noqa: E402
from archdsl.summary import count  # noqa: E402
from archdsl.torch import emit, emit_trainer  # noqa: E402

DOCS = ROOT / "docs"
GALLERY = DOCS / "gallery"
DIGESTS = DOCS / "figures.sha256"
SIDE_BY_SIDE = re.compile(r"(<!-- side by side: (.+?) -->\n).*?(<!-- end -->)", re.S)
DIFFERENCE = re.compile(r"(<!-- difference: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.S)
BLOCK_WITH_FIGURE = re.compile(r"```archdsl\n(.*?)```\n\n!\[[^\]]*\]\((figures/[^)]+\.svg)\)", re.S)
HEAD = """# Gallery

Every system here is a program of `examples/`. Its parameters are counted, its figure drawn and its code written by
archdsl (`python3 .ci/dev.py gallery`), and a test shows that it agrees with what is named beside it. Of all of them
[tests](../../tests/examples/test_every_example.py) show that a model takes batches and sequences of any size, that each
tensor it holds, set to zero, moves what comes out (those that cannot are named there), that a small step against the
gradient lowers a loss, and that a training step moves what its program names and nothing else.

Systems that are easily confused stand [side by side](../side_by_side.md).
"""


@dataclass(frozen=True)
class Agreement:
    """What an example agrees with, in what, and the test that shows it."""

    other: str
    what: str
    test: str

    @property
    def link(self) -> str:
        if self.test not in tests():
            raise SystemExit(f"docs/gallery.toml names {self.test}, and there is no such test")
        return f"[`{self.test}`](../../{tests()[self.test].relative_to(ROOT).as_posix()})"


@cache
def tests() -> dict[str, Path]:
    """Where each test is."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {name: f for f in files for name in re.findall(r"^def (test_\w+)\(", f.read_text(encoding="utf-8"), re.M)}


@dataclass(frozen=True)
class System:
    """One example and its row of `gallery.toml`."""

    name: str
    title: str
    family: str
    agrees: list[Agreement]
    shows: list[str]

    @property
    def path(self) -> Path:
        return ROOT / "examples" / f"{self.name}.arch"


def systems() -> list[System]:
    """The examples in the gallery's order."""
    table = tomllib.loads((DOCS / "gallery.toml").read_text(encoding="utf-8"))
    return [
        System(name, row["title"], family["name"], [Agreement(*a) for a in row["agrees"]], row.get("shows", []))
        for family in table["family"]
        for name, row in family.items()
        if name != "name"
    ]


def texts() -> dict[Path, str]:
    """Every generated file that is text, with what it must hold."""
    made = {GALLERY / "README.md": index(), GALLERY / "code" / "training.py": emit_trainer()}
    for system in systems():
        made[GALLERY / f"{system.name}.md"] = page(system)
        made[GALLERY / "code" / f"{system.name}.py"] = code(system.path)
    for path in sorted(DOCS.glob("*.md")):
        text = SIDE_BY_SIDE.sub(lambda m: m[1] + columns(m[2].split()) + m[3], path.read_text(encoding="utf-8"))
        made[path] = DIFFERENCE.sub(lambda m: m[1] + difference(m[2], m[3]) + m[4], text)
    lines = sorted(f"{digest(drawn)}  {path.relative_to(DOCS).as_posix()}" for path, drawn in figures().items())
    return made | {DIGESTS: "\n".join(lines) + "\n"}


def figures() -> dict[Path, Figure]:
    """Every generated figure, not yet laid out."""
    made = {GALLERY / "figures" / f"{s.name}.svg": figure(checked(s.path)) for s in systems()}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for program, image in BLOCK_WITH_FIGURE.findall(text):
            made[DOCS / image] = figure(archdsl.check(program))
        for _, items, _ in SIDE_BY_SIDE.findall(text):
            for item in items.split():
                made[DOCS / image_of(item)] = figure(checked(source_of(item)), only=panels_of(item))
    return made


def digest(drawn: Figure) -> str:
    """Of all that the layout is given."""
    job = [drawn.dot, drawn.title, drawn.description, *(asdict(s) for s in drawn.sheets)]
    return hashlib.sha256(json.dumps(job).encode()).hexdigest()[:16]


@cache
def checked(path: Path) -> Program:
    return archdsl.check(path)


@cache
def code(path: Path) -> str:
    return emit(checked(path), trainer="training")


# -- the gallery ------------------------------------------------------------------------------------------------------
def index() -> str:
    """The page that lists every example."""
    rows, family = [], ""
    for system in systems():
        if system.family != family:
            family = system.family
            rows += [f"\n## {family}\n", "| figure | system | parameters | agrees with |", "|---|---|---|---|"]
        link = f"[**{system.title}**]({system.name}.md)"
        image = f'<a href="{system.name}.md"><img src="figures/{system.name}.svg" width="160" alt="{html.escape(system.title)}"></a>'
        others = list(dict.fromkeys(a.other for a in system.agrees))
        cells = [image, f"{link}<br>{'<br>'.join(docs(system))}", "<br>".join(counts(system)), "<br>".join(others)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return HEAD + "\n".join(rows) + "\n"


def page(system: System) -> str:
    """One example's page."""
    name, lines = system.name, len(code(system.path).splitlines())
    about, counted_as = "\n\n".join(docs(system)), "\n".join(table(system))
    shown_by = "\n".join(f"| {a.other} | {a.what} | {a.link} |" for a in system.agrees)
    trains = any(checked(system.path)[e].kind == "train" for e in checked(system.path).entries)
    flag = " --trainer training.py" if trains else ""
    beside = " What all trains share is in [training.py](code/training.py)." if trains else ""
    studied = "".join(f"\n[{p.name}](../../studies/{p.name}): {doc}\n" for p, doc in studies(name))
    return f"""# {system.title}

[Gallery](README.md) · {system.family}

{about}

![Figure of {system.title}](figures/{name}.svg)

## [The program](../../examples/{name}.arch)

```archdsl
{system.path.read_text(encoding="utf-8").rstrip()}
```

## Counts

{counted_as}

## The code

[{name}.py](code/{name}.py), {lines} lines of PyTorch, is what `archdsl compile examples/{name}.arch{flag}` writes.{beside}

## What agrees with what

| with | in | shown by |
|---|---|---|
{shown_by}
""" + (f"\n## At work\n{studied}" if studied else "")


def docs(system: System) -> list[str]:
    """The docstrings that introduce an example: those with a year, of its models, or else of its trains, or else of its parts."""
    program = checked(system.path)
    entries = [program[n] for n in program.entries]
    dated = [d for d in entries if re.search(r"\b(1[89]|20)\d\d\b", d.doc)]
    models, trains = ([d for d in dated if d.kind == kind] for kind in ("model", "train"))
    shown = [d for d in entries if d.source_name in system.shows] or models or trains or dated
    if not shown:
        shown = [d for d in entries if d.kind == "model"][:1]
    return list(dict.fromkeys(" ".join(d.doc.split()) for d in shown))


def counted(system: System) -> Iterator[tuple[Definition, str, Program]]:
    """What has parameters of its own: models, with their configs, or else trains. The program has the config's numbers."""
    program = checked(system.path)
    entries = [program[n] for n in program.entries]
    for definition in [d for d in entries if d.kind == "model"] or [d for d in entries if d.kind == "train"]:
        yield definition, "", program
        for config in definition.configs:
            yield definition, config.name, analyse_file(system.path, model=definition.name, config=config.name)


def numbers(program: Program, name: str) -> tuple[str, str]:
    """Learned and frozen parameters."""
    found = count(program, name)
    return f"{int(found.learned.value):,}", f"{int(found.frozen.value):,}"


def counts(system: System) -> list[str]:
    """The parameters in short."""
    rows = list(counted(system))
    several = len({d.name for d, _, _ in rows}) > 1
    lines = []
    for definition, config, program in rows:
        learned, frozen = numbers(program, definition.name)
        names = [*([definition.name] if several else []), *([config] if config else [])]
        held = [learned] * (learned != "0") + [f"{frozen} frozen"] * (frozen != "0")
        held += ["memory " + " ".join(m.value.name or "" for m in definition.memories)] * bool(definition.memories)
        lines.append(f"{' '.join(names)}: {', '.join(held) or 'none'}" if names else ", ".join(held) or "none")
    return lines


def table(system: System) -> list[str]:
    """The parameters and the memory of each model and config."""
    lines = ["| | hyperparameters | learned | frozen | memory |", "|---|---|---|---|---|"]
    for definition, config, program in counted(system):
        learned, frozen = numbers(program, definition.name)
        hypers = ", ".join(f"{h.name} = {h.default}" for h in program[definition.name].hypers)
        memory = ", ".join(f"{m.value.name} {m.value.type}" for m in definition.memories)
        name = f"`{definition.name}`" + (f" {config}" if config else "")
        lines.append(f"| {name} | {hypers} | {learned} | {frozen} | {memory} |")
    return lines


def studies(name: str) -> Iterator[tuple[Path, str]]:
    """The studies that use an example, with what they say of themselves."""
    for path in sorted((ROOT / "studies").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if f'"{name}.arch"' in text:
            yield path, text.removeprefix('"""').partition("\n")[0].removesuffix('"""')


# -- side by side -----------------------------------------------------------------------------------------------------
def source_of(item: str) -> Path:
    """`lstm#cell` is of examples/lstm.arch, and `./name` of a program in docs/."""
    name = item.partition("#")[0]
    return (DOCS if name.startswith("./") else ROOT / "examples") / f"{name.removeprefix('./')}.arch"


def panels_of(item: str) -> list[str]:
    """What `#` names: definitions, or all of the file's own that are of a kind."""
    program = checked(source_of(item))
    words = item.partition("#")[2].split(",")
    return [n for w in words for n in ([e for e in program.entries if program[e].kind == w] or [w])]


def image_of(item: str) -> str:
    return f"figures/{re.sub(r'[#,]', '-', item.removeprefix('./'))}.svg"


def columns(items: list[str]) -> str:
    """A table: the programs beside each other, and their figures."""
    titles = {s.name: (s.title, f"gallery/{s.name}.md") for s in systems()}
    heads, cells, images = "", "", ""
    for item in items:
        source = source_of(item)
        title, link = titles.get(source.stem, (source.name, source.name))
        program = source.read_text(encoding="utf-8").rstrip()
        heads += f'<th><a href="{link}">{html.escape(title)}</a></th>'
        images += f'<td valign="top"><a href="{image_of(item)}"><img src="{image_of(item)}" alt="Figure of {html.escape(title)}"></a></td>'
        cells += f'<td valign="top">\n\n```archdsl\n{program}\n```\n\n</td>'
    return f"\n<table>\n<tr>{heads}</tr>\n<tr>{images}</tr>\n<tr>{cells}</tr>\n</table>\n\n"


def difference(one: str, other: str) -> str:
    """The first definition as a whole, with `-` before what the second has not, and `+` before what it has instead."""
    titles = {s.name: s.title for s in systems()}
    a, b = (definition(item).splitlines() for item in (one, other))
    lines = [line for line in difflib.ndiff(a, b) if not line.startswith("?")]
    marked = "\n".join(line[0] + line[1:].removeprefix(" ") for line in lines)
    links = (f"[{item.replace('#', ': ')}](gallery/{item.partition('#')[0]}.md)" for item in (one, other))
    assert all(item.partition("#")[0] in titles for item in (one, other))
    return f"\n{' → '.join(links)}\n\n```diff\n{marked}\n```\n\n"


def definition(item: str) -> str:
    """The text of `lstm#LSTM`, without its docstring."""
    text = source_of(item).read_text(encoding="utf-8")
    found = re.search(rf"^(?:model|block|cell|train) {item.partition('#')[2]}\b.*?^}}", text, re.M | re.S)
    if found is None:
        raise SystemExit(f"there is no definition {item}")
    return found[0]


# -- writing ----------------------------------------------------------------------------------------------------------
def build() -> None:
    """Writes everything that has changed, and removes what is no longer made."""
    written, drawn = texts(), figures()
    with ThreadPoolExecutor() as pool:  # each layout is a process of its own
        images = dict(zip(drawn, pool.map(Figure.svg, drawn.values())))
    for folder in (GALLERY, GALLERY / "code", GALLERY / "figures", DOCS / "figures"):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.is_file() and path not in written and path not in drawn:
                path.unlink()
    for path, content in ({p: t.encode() for p, t in written.items()} | images).items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    print(f"{len(written)} pages and programs, {len(images)} figures")


if __name__ == "__main__":
    build()

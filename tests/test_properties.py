"""What must hold for every program: IR → JSON → IR, text → canonical text → the same IR, the emitted module's shapes, the figure's bytes."""

import torch
from hypothesis import HealthCheck, given, settings

from archdsl.compiler import analyse
from archdsl.figure import figure
from archdsl.ir.program import Program
from archdsl.loading import module_of
from archdsl.source import Source
from archdsl.summary import count
from archdsl.syntax.format import format_text
from archdsl.torch import emit
from tests.programs import programs

many = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def without_places(program: Program) -> object:
    """The IR as data, without where things are written."""

    def strip(data: object) -> object:
        if isinstance(data, dict):
            return {k: strip(v) for k, v in data.items() if k not in ("place", "file")}
        return [strip(v) for v in data] if isinstance(data, list) else data

    return strip(program.model_dump(mode="json"))


@many
@given(programs())
def test_ir_is_data(text: str) -> None:
    program = analyse(text)
    assert Program.model_validate_json(program.model_dump_json()) == program


@many
@given(programs())
def test_canonical_text_means_the_same(text: str) -> None:
    canonical = format_text(Source(text))
    assert format_text(Source(canonical)) == canonical
    assert without_places(analyse(canonical)) == without_places(analyse(text))


@few
@given(programs())
def test_module_runs_with_the_shape_and_count_that_was_inferred(text: str) -> None:
    program = analyse(text)
    module = module_of(emit(program, ["M"]), "random.arch").M()
    for batch, time in ((2, 3), (1, 5)):
        result = module(torch.randn(batch, time, 4))
        assert result.shape == (batch, time, 4) and result.dtype == torch.float32
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == count(program, "M").learned


@few
@given(programs())
def test_figure_is_the_same_each_time(text: str) -> None:
    assert figure(analyse(text)).dot == figure(analyse(text)).dot

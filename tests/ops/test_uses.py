"""Every primitive: what the checker infers is what PyTorch gives (shape, kind, range), and the values are right."""

import pytest

from archdsl.ops import OPS
from tests.ops.table import USES
from tests.ops.uses import Use, check

pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__")


@pytest.mark.parametrize("use", USES, ids=str)
def test_inferred_is_what_comes_out(use: Use) -> None:
    check(use)


@pytest.mark.parametrize("use", [u for u in USES if u.op in ("Dropout", "attention", "by_mode")], ids=str)
def test_in_training_mode_too(use: Use) -> None:
    use.equals = None
    check(use, training=True)


def test_every_op_has_uses() -> None:
    assert {u.op for u in USES} == set(OPS)

"""The entries themselves: marks tell ops apart, gradients flow as said, misfits have reasons, helpers are typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archdsl.ir.num import Num
from archdsl.ops import OPS
from archdsl.ops.base import Misfit, apply_signature
from archdsl.ops.initial import INITIALIZERS
from archdsl.ops.reference import table
from tests.ops.uses import Use, run

X, DEEP = "[batch, d]", "[..., time, d]"


def test_no_two_ops_look_alike() -> None:
    marks = [(op.mark.shape, op.mark.label) for op in OPS.values()]
    assert len(set(marks)) == len(marks)


def test_labels_name_settings() -> None:
    for op in OPS.values():
        op.mark.label.format(**dict.fromkeys(op.settings, "?"))


def test_every_op_is_in_the_reference() -> None:
    text = table()
    assert all(f"`{name}`" in text for name in (*OPS, *INITIALIZERS))


def test_the_written_reference_is_current() -> None:
    written = Path(__file__).parents[2] / "docs" / "ops.md"
    again = "python -c 'from archdsl.ops.reference import table; print(table(), end=str())' > docs/ops.md"
    assert written.read_text(encoding="utf-8") == table(), f"write it again: {again}"


def test_importing_brings_no_torch() -> None:
    code = (
        "import sys, archdsl.ops, archdsl.ops.reference; assert not {'torch', 'numpy', 'graphviz'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_helpers_are_typed_strictly(tmp_path: Path) -> None:
    helpers = {op.helper for op in OPS.values()} | {i.helper for i in INITIALIZERS.values()}
    file = tmp_path / "helpers.py"
    file.write_text("from typing import Any\n\nimport torch\nfrom torch import Tensor\n\n" + "\n".join(sorted(helpers)))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_reversed_gradient() -> None:
    x = torch.randn(3, 8, requires_grad=True)
    use = Use("reverse_gradient", [X, 0.5], draw=lambda _: [x])
    result = run(use).results[0]
    assert torch.equal(result, x)
    result.square().sum().backward()
    torch.testing.assert_close(x.grad, -x.detach())


def test_supplied_gradient() -> None:
    x, g = torch.randn(3, 8, requires_grad=True), torch.randn(3, 8)
    result = run(Use("supply_gradient", [X, X], draw=lambda _: [x, g])).results[0]
    (5 * result).sum().backward()
    assert torch.equal(x.grad, g)


def test_stopped_gradient() -> None:
    x = torch.randn(3, 8, requires_grad=True)
    assert not run(Use("stop_gradient", [X], draw=lambda _: [x])).results[0].requires_grad


MISFITS = [
    (Use("add", ["[n, d]", "[k, d]"]), "do not broadcast"),
    (Use("add", [f"bool{X}", f"bool{X}"]), "all operands are bool"),
    (Use("sub", [1, f"bool{X}"]), "bool"),
    (Use("and", [X, X]), "must be bool"),
    (Use("tanh", [f"int{X}"]), "must be float"),
    (Use("clamp", [X]), "needs a bound"),
    (Use("clamp", [X], {"low": 2, "high": 1}), "greater"),
    (Use("mean", [f"int{X}"]), "must be float"),
    (Use("any", [X]), "must be bool"),
    (Use("sum", [DEEP], {"over": None, "keep": True}), "cannot be kept"),
    (Use("argmax", [X], {"over": [0, 1]}), "one axis"),
    (Use("reshape", [X], {"to": ["batch", 3]}), r"d\*batch|batch\*d"),
    (Use("reshape", [X], {"to": ["batch", -1]}), "negative"),
    (Use("reshape", ["[4, 8]"], {"to": ["8/3", 12]}), "not whole"),
    (Use("flatten", [DEEP]), "any axes"),
    (Use("permute", [X], {"order": [0, 0]}), "each of the 2 axes once"),
    (Use("permute", [DEEP], {"order": [0, 1, 2]}), "any axes"),
    (Use("unsqueeze", [X], {"at": 5}), "between"),
    (Use("squeeze", [X], {"over": 0}), "size 1"),
    (Use("concat", [X, "[batch, time, d]"]), "differ"),
    (Use("concat", [X, f"int{X}"]), "different kinds"),
    (Use("split", ["[batch, 8]"], {"parts": 3}), "3 equal parts"),
    (Use("split", [X], {"parts": [1, 2]}), "3 together"),
    (Use("slice", ["[batch, 8]"], {"start": 6, "stop": 3}), "nothing lies"),
    (Use("slice", ["[batch, 8]"], {"stop": 9}), "has size 8"),
    (Use("at", ["[batch, 8]"], {"index": 8}), "has size 8"),
    (Use("gather", [X, "int[n]"]), "index is"),
    (Use("pad", [DEEP], {"before": -9, "over": 1}), ""),
    (Use("expand", [X], {"to": ["batch", "k"]}), "cannot be repeated"),
    (Use("expand", ["[d]"], {"to": ["...", "d"]}), "not known"),
    (Use("patches", ["[batch, 3, 5, 4]"], {"size": 2}), "cannot be cut"),
    (Use("matmul", [X, X]), "transpose"),
    (Use("matmul", [X, 2]), "scalar|float"),
    (Use("matmul", ["[..., d]", "[n, d, k]"]), "last two axes"),
    (Use("einsum", [X], {"equation": "ij,jk->ik"}), "2 operands"),
    (Use("einsum", [X, X], {"equation": "ij,jk->ik"}), "axis j"),
    (Use("einsum", [X], {"equation": "hello"}), "not an equation"),
    (Use("solve", ["[n, k]", "[n, 1]"]), "square"),
    (Use("inverse", ["[n, k]"]), "n is needed"),
    (Use("Linear", ["[...]"], {"d_out": 4}), ""),
    (Use("Conv2d", ["[batch, d, d]"], {"channels": 4, "kernel": 3}), "batch axis"),
    (Use("Conv2d", ["[batch, 3, 4, 4]"], {"channels": 4, "kernel": 5}), "does not fit"),
    (Use("Conv2d", ["[batch, 3, 4, 4]"], {"channels": 4, "kernel": 3, "groups": 2}), "2 groups"),
    (Use("Conv2d", ["[batch, 3, 4, 4]"], {"channels": 4, "kernel": 3, "padding": "same", "stride": 2}), "stride 1"),
    (Use("Conv1d", ["[batch, 3, 4]"], {"channels": 4, "kernel": [3, 3]}), "must be a number or 1"),
    (Use("Conv1d", ["[batch, 3, 4]"], {"channels": 0, "kernel": 3}), "at least 1"),
    (Use("max_pool2d", ["[batch, 3, 4, 4]"], {"kernel": 2, "padding": 2}), "at most half"),
    (Use("attention", [X, X, X], {"heads": 3}), ""),
    (Use("attention", ["[batch, 5, 8]"] * 3, {"heads": 3}), "3 heads"),
    (Use("attention", ["[batch, 5, 8]", "[batch, 4, 7]", "[batch, 4, 8]"]), "8 is needed"),
    (Use("attention", ["[batch, 5, 8]", "[batch, 4, 8]", "[batch, 4, 8]", "bool[4, 5]"]), "allowed|broadcast"),
    (Use("cross_entropy", [X, "int[d]"]), "target is"),
    (Use("cross_entropy", [X, X]), "must be int"),
    (Use("bce", ["[d]", X]), "target is"),
    (Use("mean_by", ["[n, d]", "int[k]"], {"k": 3}), "cluster is"),
    (Use("sample_rows", ["[2, d]"], {"k": 3}), "3 rows"),
    (Use("supply_gradient", [X, "[d]"]), "its gradient is"),
    (Use("gradient", [X, X]), "scalar"),
    (Use("by_mode", [X, "[d]"]), "in training"),
    (Use("arange", [], {"n": 0}), "at least 1"),
]


@pytest.mark.parametrize(("use", "reason"), MISFITS, ids=str)
def test_misfits(use: Use, reason: str) -> None:
    site = use.site()
    if not reason:
        try:
            apply_signature(use.definition, site)
        except Misfit as misfit:
            assert misfit.reason
        return
    with pytest.raises(Misfit) as caught:
        apply_signature(use.definition, site)
    import re

    assert re.search(reason, caught.value.reason + caught.value.hint), caught.value.reason


@pytest.mark.parametrize(
    ("use", "macs"),
    [
        (Use("Linear", ["[batch, time, d]"], {"d_out": "=4*d"}), "4*batch*time*d^2"),
        (
            Use("Conv2d", ["[batch, 3, 224, 224]"], {"channels": 64, "kernel": 7, "stride": 2, "padding": 3}),
            "batch*118013952",
        ),
        (
            Use("Conv2d", ["[batch, n, 8, 8]"], {"channels": "=n", "kernel": 3, "padding": 1, "groups": "=n"}),
            "576*batch*n",
        ),
        (Use("matmul", ["[batch, time, d]", "[d, k]"]), "batch*time*d*k"),
        (Use("matmul", ["[d]", "[d]"]), "d"),
        (Use("einsum", ["[batch, n, d]", "[batch, d, k]"], {"equation": "bij,bjk->bik"}), "batch*n*d*k"),
        (Use("attention", ["[batch, time, d]"] * 3, {"heads": 2}), "2*batch*time^2*d"),
        (Use("ConvTranspose1d", ["[batch, n, 5]"], {"channels": 3, "kernel": 4}), "60*batch*n"),
    ],
    ids=str,
)
def test_macs(use: Use, macs: str) -> None:
    site = use.site()
    apply_signature(use.definition, site)
    assert use.definition.macs is not None and use.definition.macs(site) == Num.parse(macs)


def test_constraints_are_left_for_what_is_not_known() -> None:
    site = Use("split", [X], {"parts": 3}).site()
    apply_signature(OPS["split"], site)
    assert (Num.parse("d/3"), "whole") in site.constraints
    site = Use("slice", ["[batch, time]"], {"start": 1}).site()
    apply_signature(OPS["slice"], site)
    assert (Num.parse("time - 1"), "positive") in site.constraints

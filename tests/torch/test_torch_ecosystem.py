"""Every example's model goes where PyTorch's own modules go: copied, exported, compiled, saved, in other kinds of numbers.

Each test runs on the models of all examples, small. What a model cannot do is listed with the reason, and must still fail:
a list that has become too long is found.
"""

from __future__ import annotations

import copy
import functools
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from emitted import PROGRAMS, inputs, instance, numbers, program, source
from torch import Tensor, nn

from archdsl.loading import module_of
from archdsl.torch.plan import ProgramPlan

SMALL = {
    **{"d": 32, "heads": 4, "layers": 2, "units": 16, "hidden": 16, "width": 8, "channels": 8, "filters": 4, "maps": 4},
    **{"vocab": 50, "context": 16, "positions": 16, "rows": 6, "columns": 3, "bits": 3, "address": 4, "content": 4},
    **{"features": 4, "classes": 5, "pixels": 16, "visible": 12, "latent": 8, "skips": 8, "side": 32, "patch": 8},
    **{"levels": 16, "blocks": 1, "pairs": 1, "passes": 1, "sweeps": 2, "glimpses": 2, "population": 4, "most": 10},
    **{"token_hidden": 8, "channel_hidden": 16, "batch": 2, "time": 3, "n": 4, "s": 4, "t": 3, "m": 5},
}
PICTURES = {"batch": 4, "height": 64}
SPECIAL = {
    **{"Signal": {"time": 12}, "LeNet5": {"side": 28}, "RAM": {"side": 12, "size": 4}},
    **{"ResNet18": PICTURES | {"width": 64}, "ResNet50": PICTURES | {"w": 64}, "ResNet50v1": PICTURES | {"w": 64}},
}
"""Hyperparameters and sizes; a model's own where it needs others. Pictures of which one pixel remains are no test: batch
normalisation of two numbers has gradients of 1e8, and where a convolution of stride 2 makes maps of width 1, torch 2.13's gradient
of its weight in bfloat16 on a CPU is whatever the memory held."""
OTHER = {"batch": 5, "time": 16, "n": 7, "s": 6, "t": 5, "m": 3}
"""The sizes that an exported model leaves open, as they were not when it was exported."""
MODELS = {
    d.name: (path, d)
    for path in PROGRAMS
    if path.parent.name == "examples"
    for d in program(path).definitions
    if d.kind == "model" and d.name in program(path).entries
}


SOME = {
    "Tagger",
    "GPT2",
    "NTM",
    "VAE",
    "WaveNet",
    "GRULayer",
    "LSTMLayer",
    "ResNet18",
    "BERT",
    "ViT",
    "DRCN",
    "Mixture",
    "RAM",
    "KMeans",
    "HMM",
}
EVERY = os.environ.get("CI") or os.environ.get("ARCHDSL_GRAPHS")
CHOSEN = [n for n in MODELS if (EVERY and n != "ResNet50v1") or n in SOME]
GRAPHS = pytest.mark.parametrize("name", CHOSEN)
"""Graphs of all models are made in CI or with ARCHDSL_GRAPHS=1 (3 minutes), else of some of each kind. ResNet-50 v1 is ResNet-50 with a
stride elsewhere."""


def small(name: str, plain: bool = False, open_time: bool = False, **sizes: int) -> tuple[nn.Module, list[Tensor]]:
    """A model, in evaluation, and inputs."""
    path, definition = MODELS[name]
    real = ProgramPlan(program(path)).plans[name].real
    values = numbers(definition, real, **(SMALL | SPECIAL.get(name, {}) | sizes))
    names = vars(module_of(source(path, plain, open_time), path.name))
    return instance(program(path), name, names, values).eval(), inputs(definition, values)


def run(module: Any, given: Sequence[Tensor]) -> list[Tensor]:
    """The outputs, from the same draws each time."""
    torch.manual_seed(0)
    return tensors(module(*given))


def tensors(out: Any) -> list[Tensor]:
    return [out] if isinstance(out, Tensor) else [t for one in out for t in tensors(one)]


def same(found: Sequence[Tensor], wanted: Sequence[Tensor], **near: float) -> None:
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, equal_nan=True, **near)


EXACT = {"rtol": 0.0, "atol": 0.0}
everywhere = pytest.mark.parametrize("name", MODELS)


# -- copies, states, kinds of numbers --------------------------------------------------------------------------------
@everywhere
def test_copies_and_pickles(name: str) -> None:
    module, given = small(name)
    read = pickle.loads(pickle.dumps(module))
    assert list(read.state_dict()) == list(module.state_dict())
    copied = copy.deepcopy(module)
    wanted = run(module, given)
    same(run(copied, given), wanted, **EXACT)
    same(run(read, given), wanted, **EXACT)


@everywhere
def test_runs_on_parameters_given(name: str) -> None:
    """`functional_call` with one model's parameters in another, which keeps its own."""
    module, given = small(name)
    other, _ = small(name)
    kept = copy.deepcopy(other.state_dict())
    state = copy.deepcopy({**dict(module.named_parameters()), **dict(module.named_buffers())})
    found = run(lambda *x: torch.func.functional_call(other, state, x), given)
    same(found, run(module, given), **EXACT)
    same(list(other.state_dict().values()), list(kept.values()), **EXACT)


@everywhere
def test_runs_in_double(name: str) -> None:
    """New tensors take the kind of what they meet."""
    module, given = small(name)
    found = run(module.double(), [x.double() if x.is_floating_point() else x for x in given])
    assert all(t.dtype == torch.float64 for t in found if t.is_floating_point())


@everywhere
def test_made_on_meta(name: str) -> None:
    """Made without memory, and filled with another's weights."""
    module, given = small(name)
    with torch.device("meta"):
        empty, _ = small(name)
    assert all(t.is_meta for t in empty.state_dict().values())
    found = run(empty, [x.to("meta") for x in given])
    assert [t.shape for t in found if t.is_meta] == [t.shape for t in run(copy.deepcopy(module), given)]
    filled = empty.to_empty(device="cpu")
    filled.load_state_dict(module.state_dict())
    same(run(filled, given), run(module, given), **EXACT)


@everywhere
def test_trains_in_autocast(name: str) -> None:
    """bfloat16 where autocast says so, and gradients in the parameters' own kind of number."""
    module, given = small(name)
    with torch.autocast("cpu", torch.bfloat16):
        found = run(module.train(), given)
    assert all(t.isfinite().all() for t in found)
    smooth = [t.float().sum() for t in found if t.requires_grad]
    if smooth:
        torch.stack(smooth).sum().backward()
        assert all(p.grad.isfinite().all() for p in module.parameters() if p.grad is not None)
        assert {p.grad.dtype for p in module.parameters() if p.grad is not None} == {torch.float32}


@everywhere
def test_the_literal_equations_go_there_too(name: str) -> None:
    """`--plain`: filled with the fast one's weights, pickled, made on meta, in double, and trained in autocast."""
    module, given = small(name)
    with torch.device("meta"):
        empty, _ = small(name, plain=True)
    found = run(empty, [x.to("meta") for x in given])
    plain = pickle.loads(pickle.dumps(empty.to_empty(device="cpu")))
    plain.load_state_dict(module.state_dict(), strict=True)
    wanted = run(plain, given)
    assert [t.shape for t in found] == [t.shape for t in wanted]
    doubled = run(copy.deepcopy(plain).double(), [x.double() if x.is_floating_point() else x for x in given])
    assert all(t.dtype == torch.float64 for t in doubled if t.is_floating_point())
    with torch.autocast("cpu", torch.bfloat16):
        trained = run(plain.train(), given)
    smooth = [t.float().sum() for t in trained if t.requires_grad]
    if smooth:
        torch.stack(smooth).sum().backward()
        assert all(p.grad.isfinite().all() for p in plain.parameters() if p.grad is not None)


# -- files -----------------------------------------------------------------------------------------------------------
@everywhere
def test_safetensors(name: str, tmp_path: Path) -> None:
    """A state dict is a safetensors file as it is: no name changed, no tensor in it twice."""
    from safetensors.torch import load_file, save_file

    module, given = small(name)
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    other, _ = small(name)
    other.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    same(run(other, given), run(module, given), **EXACT)


def test_safetensors_of_transformers(tmp_path: Path) -> None:
    """GPT-2's file as transformers writes it, and ours as transformers reads it."""
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2Model

    theirs = GPT2Model(GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=4)).eval()
    theirs.save_pretrained(tmp_path)
    ours, (tokens,) = small("GPT2")
    ours.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    wanted = theirs(tokens).last_hidden_state @ theirs.wte.weight.T
    same([ours(tokens)], [wanted], rtol=1e-4, atol=1e-4)

    ours, _ = small("GPT2")
    save_file(ours.state_dict(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    read = GPT2Model.from_pretrained(tmp_path).eval()
    same([ours(tokens)], [read(tokens).last_hidden_state @ read.wte.weight.T], rtol=1e-4, atol=1e-4)


# -- graphs ----------------------------------------------------------------------------------------------------------
COMPILED = [(n, True) for n in CHOSEN] + [(n, False) for n in CHOSEN if n in SOME]
"""In training, which computes everything that evaluation does and more; of some, in evaluation too."""


@pytest.mark.parametrize(("name", "training"), COMPILED)
def test_compiles_as_one_graph(name: str, training: bool) -> None:
    """`torch.compile(fullgraph=True)`: no break, and the same outputs and memories, at the first call and at the second."""
    module, given = small(name)
    other = copy.deepcopy(module.train(training))
    torch._dynamo.reset()
    compiled = torch.compile(other, fullgraph=True, backend="eager")
    for _ in range(2 if module.state_dict().keys() - dict(module.named_parameters()).keys() else 1):
        same(run(compiled, given), run(module, given))
        same(list(other.state_dict().values()), list(module.state_dict().values()))


TRAINED = ["Tagger", "VAE", "GRULayer", "PeepholeLayer", "HMM", "DRCN", "GPT2", "BERT"]
"""Some of each kind, of those that are soon compiled."""


def gradients(module: nn.Module, outputs: Sequence[Tensor]) -> list[Tensor]:
    total = torch.stack([o.float().sum() for o in outputs if o.requires_grad]).sum()
    found = torch.autograd.grad(total, list(module.parameters()), allow_unused=True)
    return [torch.zeros(()) if g is None else g for g in found]


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_of_one_graph(name: str) -> None:
    """What all that generates code starts from: the graph with that of its gradients, as functions of parameters and buffers."""
    module, given = small(name)
    other = copy.deepcopy(module.train())
    torch._dynamo.reset()
    found, wanted = run(torch.compile(other, fullgraph=True, backend="aot_eager"), given), run(module, given)
    same(found, wanted)
    same(gradients(other, found), gradients(module, wanted), rtol=1e-4, atol=1e-4)


def is_one_graph(module: nn.Module, given: Sequence[Tensor]) -> bool:
    """Whether it can be compiled in training, with its gradients."""
    torch._dynamo.reset()
    try:
        torch.compile(module.train(), fullgraph=True, backend="aot_eager")(*given)
    except Exception as problem:
        assert "expected all tensors" in str(problem)
        return False
    return True


def test_an_lstm_on_data_is_as_nn_lstm() -> None:
    """Torch cannot make a graph of the gradients of its kernel where what comes in needs none. Behind a layer that learns it can (Tagger)."""
    with torch._dynamo.config.patch(allow_rnn=True):
        theirs = is_one_graph(nn.LSTM(4, 8, batch_first=True), [torch.randn(2, 3, 4)])
    assert is_one_graph(*small("LSTMLayer")) == theirs


FIXED = {
    **dict.fromkeys(["ART1", "ART1ByLength", "FuzzyART"], "n"),  # STEPS
    **dict.fromkeys(["BaumWelch", "HMM", "Viterbi", "ESN", "SolvedESN", "LSM"], "time"),  # STEPS
    **dict.fromkeys(["DNTM", "NTM", "EvolvableNTM", "ChoGRULayer", "MGULayer", "PeepholeLayer"], "time"),  # STEPS
    **dict.fromkeys(["CharLSTM", "Concatenated", "Alternating", "GRULayer", "LSTMLayer", "RNNLayer"], "time"),  # KERNEL
    "Tagger": "time",  # KERNEL
    **dict.fromkeys(["GNMT", "DelayedGNMT"], "s t"),  # KERNEL
}
"""Sizes that an exported model does not leave open. STEPS: a Python loop over them, which export unrolls. KERNEL: torch's recurrent
kernel, which export unrolls in the same way, that of an nn.LSTM too (see below). Those of OPENED are open with `open_time`."""
OPENED = {
    *("CharLSTM", "Concatenated", "Alternating", "GRULayer", "LSTMLayer", "RNNLayer", "Tagger", "GNMT", "DelayedGNMT"),
    *("ChoGRULayer", "MGULayer", "PeepholeLayer"),
}
DRAWS = {"Boltzmann", "PersistentRBM", "RAM", "RBM", "VAE"}
"""What they give is drawn, also in evaluation; onnxruntime draws otherwise, so that only its kind can be compared."""
NOT_IN_ONNX = {
    **dict.fromkeys(["FuzzyCMeans", "KMeans", "SOM"], "_cdist_forward"),  # torch has no ONNX form of cdist
    "Mixture": "linalg_inv_ex",  # nor of a matrix's inverse
    "OneClassSVM": "clamp",  # nor of a clamp whose bound is a size that is open
}
"""What the exporter says."""


@functools.cache
def exported(name: str, open_time: bool = False) -> tuple[nn.Module, torch.export.ExportedProgram]:
    """A model, and what it is exported to, with every size open that can be."""
    module, given = small(name, open_time=open_time)
    auto = torch.export.Dim.AUTO
    dims = [{i: auto for i, n in enumerate(v.type.shape) if str(n) in OTHER} for v in MODELS[name][1].inputs]
    return module, torch.export.export(copy.deepcopy(module), tuple(given), dynamic_shapes=tuple(dims))


def fixed(name: str, open_time: bool = False) -> set[str]:
    """The sizes, of those that should be open, that the graph has as numbers."""
    graph = exported(name, open_time)[1]
    users = set(graph.graph_signature.user_inputs)
    shapes = [n.meta["val"].shape for n in graph.graph.nodes if n.op == "placeholder" and n.name in users]
    sizes = {(str(n), str(size)) for v, s in zip(MODELS[name][1].inputs, shapes) for n, size in zip(v.type.shape, s)}
    return {n for n, size in sizes if n in OTHER and size.isdigit()}


@GRAPHS
def test_exports(name: str) -> None:
    """`torch.export`, then run with another batch and time."""
    closed = fixed(name)
    assert closed == set(FIXED.get(name, "").split())
    module, graph = exported(name)
    _, given = small(name, **{n: size for n, size in OTHER.items() if n not in closed})
    if name == "Signal":  # torch fixes the length that a convolution with padding="same" meets
        with pytest.raises(AssertionError, match="Guard failed"):
            run(graph.module(), given)
        return
    same(run(graph.module(), given), run(copy.deepcopy(module), given))


@pytest.mark.parametrize("name", sorted(OPENED & set(CHOSEN)))
def test_time_stays_open_on_demand(name: str) -> None:
    """With `--open-time` a recurrent model is exported for any batch and time, to onnxruntime too; run as a module it is as it was."""
    import onnxruntime

    assert not fixed(name, True)
    module, graph = exported(name, True)
    before, given = small(name)
    before.load_state_dict(module.state_dict(), strict=True)
    same(run(module, given), run(before, given), **EXACT)
    _, given = small(name, **OTHER)
    wanted = run(before, given)
    same(run(graph.module(), given), wanted, rtol=1e-4, atol=1e-5)
    made = torch.onnx.export(graph, dynamo=True, verbose=False).model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    feed = {i.name: x.numpy() for i, x in zip(session.get_inputs(), given, strict=True)}
    same([torch.as_tensor(y) for y in session.run(None, feed)], wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_an_nn_layer_does_not_leave_time_open(kind: str) -> None:
    """Why `--open-time` is there: torch writes one node for its layer, and has the length of the example in it all the same."""
    layer, auto = getattr(nn, kind)(3, 4, batch_first=True), torch.export.Dim.AUTO
    graph = torch.export.export(layer, (torch.randn(2, 5, 3),), dynamic_shapes=({0: auto, 1: auto},))
    with pytest.raises(AssertionError, match="Guard failed"):
        graph.module()(torch.randn(2, 6, 3))


@GRAPHS
def test_runs_in_onnxruntime(name: str) -> None:
    """Exported to ONNX, onnxruntime gives what torch gives, for another batch and time."""
    import onnxruntime

    module, graph = exported(name)
    closed = fixed(name) | ({"time"} if name == "Signal" else set())
    _, given = small(name, **{n: size for n, size in OTHER.items() if n not in closed})
    if name in NOT_IN_ONNX:
        with pytest.raises(Exception, match=r"ONNX") as problem:
            torch.onnx.export(graph, dynamo=True, verbose=False)
        assert NOT_IN_ONNX[name] in str(problem.value.__cause__)
        return
    made = torch.onnx.export(graph, dynamo=True, verbose=False).model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    feed = {i.name: x.numpy() for i, x in zip(session.get_inputs(), given, strict=True)}
    found, wanted = [torch.as_tensor(y) for y in session.run(None, feed)], run(copy.deepcopy(module), given)
    if name in DRAWS:
        assert [(t.shape, t.dtype) for t in found] == [(t.shape, t.dtype) for t in wanted]
        assert all(t.isfinite().all() for t in found)
    else:
        same(found, wanted, rtol=1e-3, atol=1e-4)

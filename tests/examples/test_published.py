"""Checkpoints of the transformers package load into the compiled examples by their own names, and back, for small and odd shapes of each family.

What comes out is the same: scores and the hidden states after every layer.
"""

from typing import Any

import pytest
import torch
from agreement import load
from torch import Tensor, nn

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
SHAPES = [(16, 1, 1), (24, 2, 3), (64, 4, 8), (40, 3, 5), (36, 5, 2)]
"""Width, layers, heads."""


def _gradients(ours: nn.Module, theirs: nn.Module, mine: Tensor, other: Tensor) -> None:
    """Of every parameter, by name, compared with the largest value of each."""
    names = [name for name, _ in theirs.named_parameters()]
    assert set(names) == {name for name, _ in ours.named_parameters()}
    direction = torch.randn_like(mine)
    found = [
        torch.autograd.grad((out * direction).sum(), [net.get_parameter(n) for n in names], allow_unused=True)
        for net, out in ((ours, mine), (theirs, other))
    ]
    for name, a, b in zip(names, *found, strict=True):
        assert (a is None) == (b is None), name
        if a is not None and b is not None:
            scale = max(b.abs().max().item(), 1e-3)
            torch.testing.assert_close(a / scale, b / scale, rtol=1e-7, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}")


def _loaded(ours: nn.Module, theirs: nn.Module) -> None:
    """Both ways, by name, nothing left out; weights are drawn wide, so that every part matters."""
    for p in theirs.parameters():
        nn.init.normal_(p, 1.0 if p.dim() == 1 else 0.0, 0.3)
    for name, buffer in theirs.named_buffers():
        if buffer.is_floating_point() and "running" in name:
            nn.init.uniform_(buffer, 0.5, 1.5)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.double().eval()
    theirs.double().eval()


def _hidden(parts: Any) -> list[Tensor]:
    """What each part gives, filled when the model runs."""
    seen: list[Tensor] = []
    for part in parts:
        part.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    return seen


@pytest.mark.parametrize(("d", "layers", "heads"), SHAPES)
def test_gpt2(d: int, layers: int, heads: int) -> None:
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(vocab_size=31, n_positions=20, n_embd=d, n_layer=layers, n_head=heads)
    theirs = GPT2Model(config)
    ours = load("gpt2", "GPT2", vocab=31, context=20, d=d, layers=layers, heads=heads)
    _loaded(ours, theirs)
    tokens = torch.randint(31, (2, 20))
    seen = _hidden([*ours.h, ours.ln_f])
    scores, found = ours(tokens), theirs(tokens, output_hidden_states=True)
    for a, b in zip(seen, [*_hidden_before_norm(theirs, tokens), found.last_hidden_state], strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    wanted = found.last_hidden_state @ theirs.wte.weight.T
    torch.testing.assert_close(scores, wanted, **CLOSE)
    _gradients(ours, theirs, scores, wanted)


def _hidden_before_norm(theirs: nn.Module, tokens: Tensor) -> list[Tensor]:
    """The last of transformers' hidden states has passed the last norm; here, what each layer gives."""
    seen = _hidden(theirs.h)
    theirs(tokens)
    return [s[0] if isinstance(s, tuple) else s for s in seen]


@pytest.mark.parametrize(("d", "layers", "heads"), SHAPES)
def test_bert(d: int, layers: int, heads: int) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=31,
        hidden_size=d,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * d,
        max_position_embeddings=20,
    )
    theirs = BertModel(config)
    ours = load("bert", "BERT", vocab=31, positions=20, d=d, layers=layers, heads=heads)
    _loaded(ours, theirs)
    tokens, segment = torch.randint(1, 31, (3, 20)), torch.randint(2, (3, 20))  # theirs learns nothing for token 0
    present = torch.arange(20) < torch.tensor([[20], [13], [4]])
    seen = _hidden(ours.encoder["layer"])
    y, pooled = ours(tokens, segment, present)
    found = theirs(tokens, token_type_ids=segment, attention_mask=present.long(), output_hidden_states=True)
    for a, b in zip([*seen, y, pooled], [*found.hidden_states[1:], *found[:2]], strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    _gradients(ours, theirs, torch.cat([y[:, 0], pooled]), torch.cat([found[0][:, 0], found[1]]))


@pytest.mark.parametrize(("d", "layers", "heads"), SHAPES)
def test_vit(d: int, layers: int, heads: int) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=d,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * d,
        image_size=24,
        patch_size=6,
        num_labels=5,
    )
    theirs = ViTForImageClassification(config)
    ours = load("vit", "ViT", side=24, patch=6, d=d, layers=layers, heads=heads, classes=5)
    _loaded(ours, theirs)
    image = torch.randn(2, 3, 24, 24, dtype=torch.float64)
    seen, expected = _hidden(ours.vit["layers"]), _hidden(theirs.vit.layers)
    scores, wanted = ours(image), theirs(image).logits
    torch.testing.assert_close(scores, wanted, **CLOSE)
    _gradients(ours, theirs, scores, wanted)
    for a, b in zip(seen, expected, strict=True):
        torch.testing.assert_close(a, b[0] if isinstance(b, tuple) else b, **CLOSE)


@pytest.mark.parametrize(
    ("file", "name", "depths", "options"),
    [
        ("resnet18", "ResNet18", [2, 2, 2, 2], {"layer_type": "basic"}),
        ("resnet50", "ResNet50", [3, 4, 6, 3], {"layer_type": "bottleneck"}),
        ("../tests/cases/published/resnets", "ResNet34", [3, 4, 6, 3], {"layer_type": "basic"}),
        ("resnet50_v1", "ResNet50v1", [3, 4, 6, 3], {"layer_type": "bottleneck", "downsample_in_bottleneck": True}),
    ],
)
def test_resnet(file: str, name: str, depths: list[int], options: dict[str, Any]) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    wide = 4 if "50" in name else 1
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8 * wide * 2**i for i in range(4)], depths=depths, num_labels=7, **options
    )
    theirs = ResNetForImageClassification(config)
    ours = load(file, name, classes=7, **({"channels": 8} if "18" in name else {"width": 8}))
    _loaded(ours, theirs)
    image = torch.randn(2, 3, 64, 48, dtype=torch.float64)
    seen = _hidden(ours.resnet["encoder"].stages)
    scores, found = ours(image), theirs(image, output_hidden_states=True)
    scale = max(h.abs().max().item() for h in found.hidden_states)
    for a, b in zip(seen, found.hidden_states[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9 * scale)
    torch.testing.assert_close(scores, found.logits, rtol=1e-9, atol=1e-9 * scale)
    _gradients(ours, theirs, scores, found.logits)


# -- all sizes of the families, by the names and shapes of their weights -------------------------------------------------
def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(t.shape) for name, t in module.state_dict().items()}


def _gpt(d: int, layers: int, heads: int) -> tuple[nn.Module, nn.Module]:
    from transformers import GPT2Config, GPT2Model

    ours = load("gpt2", "GPT2", d=d, layers=layers, heads=heads)
    return ours, GPT2Model(GPT2Config(n_embd=d, n_layer=layers, n_head=heads))


def _bert(d: int, layers: int, heads: int) -> tuple[nn.Module, nn.Module]:
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * d)
    return load("bert", "BERT", d=d, layers=layers, heads=heads), BertModel(config)


def _vit(d: int, layers: int, heads: int, patch: int, side: int = 224) -> tuple[nn.Module, nn.Module]:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * d, num_labels=1000
    )
    config.image_size, config.patch_size = side, patch
    ours = load("vit", "ViT", side=side, patch=patch, d=d, layers=layers, heads=heads)
    return ours, ViTForImageClassification(config)


def _resnet(name: str, **options: Any) -> tuple[nn.Module, nn.Module]:
    from transformers import ResNetConfig, ResNetForImageClassification

    file = {"ResNet18": "resnet18", "ResNet50": "resnet50", "ResNet50v1": "resnet50_v1"}.get(name)
    sizes = options.pop("sizes", {})
    wide = 256 if options.get("layer_type") == "bottleneck" else 64
    config = ResNetConfig(hidden_sizes=[wide * 2**i for i in range(4)], num_labels=1000, **options)
    return load(file or "../tests/cases/published/resnets", name, **sizes), ResNetForImageClassification(config)


BASIC, WIDE = {"layer_type": "basic"}, {"layer_type": "bottleneck"}
FAMILIES = {
    **{f"gpt2 {n}": (_gpt, s) for n, s in (("small", (768, 12, 12)), ("medium", (1024, 24, 16)))},
    **{f"gpt2 {n}": (_gpt, s) for n, s in (("large", (1280, 36, 20)), ("xl", (1600, 48, 25)))},
    **{f"bert {n}": (_bert, s) for n, s in (("tiny", (128, 2, 2)), ("mini", (256, 4, 4)), ("small", (512, 4, 8)))},
    **{
        f"bert {n}": (_bert, s)
        for n, s in (("medium", (512, 8, 8)), ("base", (768, 12, 12)), ("large", (1024, 24, 16)))
    },
    **{f"vit {n}": (_vit, s) for n, s in (("tiny/16", (192, 12, 3, 16)), ("small/32", (384, 12, 6, 32)))},
    **{f"vit {n}": (_vit, s) for n, s in (("base/16", (768, 12, 12, 16)), ("base/32 384", (768, 12, 12, 32, 384)))},
    **{f"vit {n}": (_vit, s) for n, s in (("large/16", (1024, 24, 16, 16)), ("huge/14", (1280, 32, 16, 14)))},
}
RESNETS = {
    "ResNet18": {"depths": [2, 2, 2, 2], **BASIC},
    "ResNet34": {"depths": [3, 4, 6, 3], **BASIC},
    "ResNet50": {"depths": [3, 4, 6, 3], **WIDE},
    "ResNet50v1": {"depths": [3, 4, 6, 3], **WIDE, "downsample_in_bottleneck": True},
    "ResNet101": {"depths": [3, 4, 23, 3], **WIDE},
    "ResNet152": {"depths": [3, 8, 36, 3], **WIDE, "sizes": {"b": 8, "c": 36}},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_size_of_a_family(name: str) -> None:
    make, sizes = FAMILIES[name]
    with torch.device("meta"):
        ours, theirs = make(*sizes)
    assert _shapes(ours) == _shapes(theirs)


@pytest.mark.parametrize("name", RESNETS)
def test_every_resnet(name: str) -> None:
    with torch.device("meta"):
        ours, theirs = _resnet("ResNet101" if name == "ResNet152" else name, **RESNETS[name])
    assert _shapes(ours) == _shapes(theirs)

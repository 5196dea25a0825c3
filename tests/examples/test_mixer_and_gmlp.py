"""MLP-Mixer and gMLP against timm: outputs and gradients with the same weights, and the published counts.

One bias moves nothing: the last of Mixer's token network adds the same to all channels of a token, and each LayerNorm takes it away again.
"""

import pytest
import torch
import vision
from agreement import Weights, agree, call, load, renamed
from torch import Tensor

MODELS = [("mixer", "Mixer"), ("gmlp", "GMLP")]
SMALL = {
    "mixer": {"num_blocks": 3, "embed_dim": 12, "mlp_ratio": (0.5, 4.0)},
    "gmlp": {"num_blocks": 3, "embed_dim": 12, "mlp_ratio": 6},
}
CANONICAL = {
    "mixer": {"num_blocks": 12, "embed_dim": 768, "mlp_ratio": (0.5, 4.0)},
    "gmlp": {"num_blocks": 30, "embed_dim": 256, "mlp_ratio": 6},
}
UNSEEN = {"mixer": [".mix.linear_2.bias"], "gmlp": []}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("file", "name"), MODELS)
def test_agrees_with_timm(file: str, name: str, training: bool) -> None:
    theirs = getattr(vision, file)(num_classes=5, img_size=12, patch_size=4, **SMALL[file]).train(training)
    names = [n for n, _ in theirs.named_parameters()]

    def reference(w: Weights, image: Tensor) -> Tensor:
        return call(theirs.to(image.dtype), renamed(w, names), image)  # type: ignore[no-any-return]

    sizes = {"token_hidden": 6, "channel_hidden": 48} if file == "mixer" else {}
    ours = load(file, name, side=12, patch=4, d=12, layers=3, classes=5, **sizes)
    agree(ours, reference, [torch.randn(3, 3, 12, 12)], training=training, scale=1.5, unseen=UNSEEN[file])


@pytest.mark.parametrize(("file", "name"), MODELS)
def test_has_the_shapes_of_timm(file: str, name: str) -> None:
    with torch.device("meta"):
        ours, theirs = load(file, name), getattr(vision, file)(**CANONICAL[file])
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]

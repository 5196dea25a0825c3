"""Names of definitions in lower case, as people write them."""

import pytest

from archdsl.ir.naming import snake


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("LayerNorm", "layer_norm"),
        ("LSTM", "lstm"),
        ("MLPMixer", "mlp_mixer"),
        ("GRUCho", "gru_cho"),
        ("Conv2d", "conv2d"),
        ("BatchNorm2d", "batch_norm2d"),
        ("ResNet50", "res_net50"),
        ("MoE", "moe"),
        ("ViT", "vit"),
        ("ConvNeXtBlock", "conv_next_block"),
        ("GATv2", "gatv2"),
        ("TopK", "top_k"),
        ("A_B", "a_b"),
    ],
)
def test_snake(name: str, lower: str) -> None:
    assert snake(name) == lower

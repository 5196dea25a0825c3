"""The same three models for each drawing tool of `figures.py`: an LSTM, a Transformer encoder of 12 layers, ResNet-50."""

from __future__ import annotations

LSTM = """model Lstm(features = 128, units = 256) {
  input x: [batch, time, features]
  x -> scan LSTM(units) over time -> output y
}
"""
ENCODER = """model Encoder(d = 768, layers = 12, heads = 12) {
  input x: [batch, time, d]
  x -> stack layers { TransformerEncoderLayer(d, heads) } -> output y
}
"""


def torch_model(name: str) -> tuple[object, tuple[object, ...]]:
    """A PyTorch module as people write it, and an input."""
    import torch
    from torch import nn

    if name == "LSTM":

        class Lstm(nn.Module):
            """Its steps written out with a cell, 8 of them; `nn.LSTM` is a single operation to a tracer."""

            def __init__(self) -> None:
                super().__init__()
                self.cell = nn.LSTMCell(128, 256)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                h = c = x.new_zeros(x.shape[0], 256)
                found = []
                for t in range(x.shape[1]):
                    h, c = self.cell(x[:, t], (h, c))
                    found.append(h)
                return torch.stack(found, 1)

        return Lstm(), (torch.randn(1, 8, 128),)
    if name == "encoder":
        layer = nn.TransformerEncoderLayer(768, 12, 3072, batch_first=True)
        return nn.TransformerEncoder(layer, 12, enable_nested_tensor=False), (torch.randn(1, 16, 768),)
    return _resnet50(), (torch.randn(1, 3, 224, 224),)


def _resnet50() -> object:
    import torch
    from torch import nn

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
            self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
            self.relu = nn.ReLU()
            same = stride == 1 and inputs == 4 * width
            skip = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
            self.skip = nn.Identity() if same else skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.relu(self.bn1(self.conv1(x)))
            y = self.relu(self.bn2(self.conv2(y)))
            return self.relu(self.bn3(self.conv3(y)) + self.skip(x))

    parts: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = 64
    for width, units, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        units_ = []
        for i in range(units):
            units_.append(Bottleneck(inputs, width, stride if i == 0 else 1))
            inputs = 4 * width
        parts.append(nn.Sequential(*units_))
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def keras_model(name: str) -> object:
    """A Keras model as people write it."""
    import keras
    from keras import layers as L

    if name == "LSTM":
        x = keras.Input((8, 128))
        return keras.Model(x, L.LSTM(256, return_sequences=True)(x))
    if name == "encoder":
        x = keras.Input((16, 768))
        h = x
        for _ in range(12):
            y = L.Dropout(0.1)(L.MultiHeadAttention(12, 64)(h, h))
            h = L.LayerNormalization()(h + y)
            y = L.Dropout(0.1)(L.Dense(768)(L.Dropout(0.1)(L.Dense(3072, activation="relu")(h))))
            h = L.LayerNormalization()(h + y)
        return keras.Model(x, h)
    return keras.applications.ResNet50(weights=None)

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Repeats(nn.Module):
    """Every kind of repeat, one in another."""

    def __init__(self, d: int = 6, layers: int = 3, passes: int = 2) -> None:
        super().__init__()
        self.d = d
        self.passes = passes
        self.deeps = nn.ModuleList(nn.Linear(d, d) for _ in range(layers))
        self.owns = nn.ModuleList(nn.Linear(d, d) for _ in range(2))
        self.again = nn.Linear(d, d)
        self.nested_layers = nn.ModuleList(
            nn.ModuleList(nn.Linear(d, d) for _ in range(layers)) for _ in range(2)
        )
        self.dilated_layers = nn.ModuleList(
            nn.Conv1d(d, d, 3, padding=2**i, dilation=2**i) for i in range(layers)
        )
        self.scale = nn.ParameterList(nn.Parameter(torch.ones(d, 1)) for _ in range(layers))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, time, d] -> y [batch, time, d], parts [layers, batch, d]"""
        batch, time, _ = x.shape
        deep = x
        for deep_linear in self.deeps:
            deep = F.relu(deep_linear(deep))
        own = deep
        for own_linear in self.owns:
            own = own_linear(own)
        again = own
        for _ in range(self.passes):
            again = torch.tanh(self.again(again))
        nested = again
        for nested_layers in self.nested_layers:
            again = nested
            for nested_layer in nested_layers.children():
                again = nested_layer(again)
            nested = torch.tanh(again)
        dilated = nested.mT  # [batch, d, time]
        for dilated_layer in self.dilated_layers:
            dilated = dilated_layer(dilated)
        h = dilated
        outputs = []
        for i, scale in enumerate(self.scale):
            h = h * scale + i
            part = h.mean(-1)  # [batch, d]
            outputs.append(part)
        parts = torch.stack(outputs, dim=0)
        a = h
        b = x.new_ones(batch, self.d, time)  # [batch, d, time]
        for _ in range(self.passes):
            a, b = b, a
        y = a.mT  # [batch, time, d]
        return y, parts

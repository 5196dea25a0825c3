import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


def spectral(size: int, radius: float = 0.9, density: float = 1.0) -> Tensor:
    """A random square matrix of this spectral radius; a share `density` of it is not zero."""
    matrix = torch.rand(size, size, dtype=torch.float64) * 2 - 1
    matrix = matrix * (torch.rand(size, size) < density)
    largest: Tensor = torch.linalg.eigvals(matrix).abs().max().clamp(min=1e-12)
    matrix = matrix * radius / largest
    return matrix.to(torch.get_default_dtype())


class Reservoir(nn.Module):
    """The reservoir: a leaky tanh network that never learns."""

    def __init__(self, features: int, units: int, radius: float, leak: float) -> None:
        super().__init__()
        self.units = units
        self.leak = leak
        self.W_in = nn.Parameter(
            nn.init.uniform_(torch.empty(units, features), -0.5, 0.5), requires_grad=False
        )
        self.W = nn.Parameter(spectral(units, radius=radius, density=0.1), requires_grad=False)
        self.b = nn.Parameter(nn.init.uniform_(torch.empty(units), -0.2, 0.2), requires_grad=False)

    def initial_state(self, x: Tensor) -> Tensor:
        """The state before the first step."""
        return x.new_zeros(x.shape[0], self.units)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """One step: x [batch, features] -> h [batch, units]"""
        if h is None:
            h = self.initial_state(x)
        x = self.leak * torch.tanh(x @ self.W_in.mT + h @ self.W.mT + self.b)
        h = (1 - self.leak) * h + x
        return h


class ESN(nn.Module):
    """Echo state network (Jaeger 2001; leaky units, Jaeger et al. 2007): a frozen recurrent
    reservoir, and a readout that learns.
    """

    def __init__(
        self,
        features: int = 1,
        units: int = 300,
        outputs: int = 1,
        radius: float = 0.9,
        leak: float = 0.3,
    ) -> None:
        super().__init__()
        self.reservoir = Reservoir(features, units, radius, leak)
        self.linear = nn.Linear(features + units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, features] -> y [batch, time, outputs]"""
        h_t = None
        hs = []
        for x_t in x.unbind(1):
            h_t = self.reservoir(x_t, h_t)
            hs.append(h_t)
        h = torch.stack(hs, dim=1)
        y: Tensor = self.linear(torch.cat([x, h], dim=-1))  # [batch, time, outputs]
        return y


class SolvedESN(nn.Module):
    """The same network, its readout found at once: `seen` is what the readout reads."""

    readout: Tensor

    def __init__(
        self,
        features: int = 1,
        units: int = 300,
        outputs: int = 1,
        radius: float = 0.9,
        leak: float = 0.3,
    ) -> None:
        super().__init__()
        self.reservoir = Reservoir(features, units, radius, leak)
        self.register_buffer("readout", torch.zeros(features + units + 1, outputs))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, time, features]

        -> seen [batch, time, features + units + 1], y [batch, time, outputs]
        """
        batch, time, _ = x.shape
        h_t = None
        hs = []
        for x_t in x.unbind(1):
            h_t = self.reservoir(x_t, h_t)
            hs.append(h_t)
        h = torch.stack(hs, dim=1)
        seen = torch.cat([x.new_ones(batch, time, 1), x, h], dim=-1)
        y = seen @ self.readout  # [batch, time, outputs]
        return seen, y


class Fit(Trainer):
    """Only the readout learns."""

    def __init__(
        self, features: int = 1, units: int = 300, outputs: int = 1, rate: float = 0.01
    ) -> None:
        super().__init__()
        self.net = ESN(features=features, units=units, outputs=outputs)
        self.optimizer = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad], lr=rate
        )

    def step(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """One update: x [batch, time, features], target [batch, time, outputs]"""
        self.train(not self.evaluating)
        loss = F.mse_loss(self.net(x), target)
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}


class Solve(Trainer):
    """Ridge regression (Jaeger 2001), after the first states, which still depend on where the
    reservoir started, are thrown away.
    """

    def __init__(
        self,
        features: int = 1,
        units: int = 300,
        outputs: int = 1,
        radius: float = 0.9,
        leak: float = 0.3,
        washout: int = 100,
        ridge: float = 1e-8,
    ) -> None:
        super().__init__()
        self.features = features
        self.units = units
        self.washout = washout
        self.ridge = ridge
        self.net = SolvedESN(
            features=features, units=units, outputs=outputs, radius=radius, leak=leak
        )

    def step(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """One round: x [batch, time, features], target [batch, time, outputs]"""
        time = x.shape[1]
        self.train()
        seen, _ = self.net(x)
        S = seen[:, self.washout : time].flatten(0, -2)
        T = target[:, self.washout : time].flatten(0, -2)
        identity = torch.eye(self.features + self.units + 1, device=x.device, dtype=x.dtype)
        self.net.readout = torch.linalg.solve(S.mT @ S + self.ridge * identity, S.mT @ T).detach()
        return {}

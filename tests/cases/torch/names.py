import torch
from torch import Tensor, nn


def shift(x: Tensor, steps: int, dim: int, fill: float = 0.0) -> Tensor:
    """Move x along dim by a number of steps; what is left free holds `fill`."""
    size = x.size(dim)
    steps = max(-size, min(steps, size))
    free = torch.full_like(x.narrow(dim, 0, abs(steps)), fill)
    if steps < 0:
        return torch.cat([x.narrow(dim, -steps, size + steps), free], dim=dim)
    return torch.cat([free, x.narrow(dim, 0, size - steps)], dim=dim)


def reverse_gradient(x: Tensor, scale: float | Tensor = 1.0) -> Tensor:
    """x itself; its gradient is multiplied by -scale on the way back."""
    return x.detach() - scale * (x - x.detach())


def spectral(size: int, radius: float = 0.9, density: float = 1.0) -> Tensor:
    """A random square matrix of this spectral radius; a share `density` of it is not zero."""
    matrix = torch.rand(size, size, dtype=torch.float64) * 2 - 1
    matrix = matrix * (torch.rand(size, size) < density)
    largest: Tensor = torch.linalg.eigvals(matrix).abs().max().clamp(min=1e-12)
    matrix = matrix * radius / largest
    return matrix.to(torch.get_default_dtype())


class None_(nn.Module):
    """Names that Python, torch or linters want for themselves. \\"Quoted\\" \\\\ text; it ends in
    a quote: 'x'
    """

    def __init__(self, self_: int, type_: int) -> None:
        super().__init__()
        self.def_ = nn.Linear(self_, type_)

    def forward(self, class_: Tensor) -> Tensor:
        """class_ [batch, self_] -> def [batch, type]"""
        def_: Tensor = self.def_(class_)  # [batch, type]
        return def_


class Tensor_(nn.Module):
    def __init__(self, torch_: int = 3, nn_: int = 4, F_: float = 5.0, int_: int = 2) -> None:
        super().__init__()
        self.torch = torch_
        self.nn = nn_
        self.F = F_
        self.train_ = nn.Linear(torch_, nn_)
        self.forward_ = nn.Linear(torch_, nn_)
        self.weight = None_(torch_, nn_)
        self.parameters_ = nn.Linear(torch_, nn_)
        self.zips = nn.ModuleList(nn.Linear(nn_, nn_) for _ in range(int_))

    @classmethod
    def super(cls) -> "Tensor_":
        return cls(torch_=2)

    def forward(self, self_: Tensor, x: Tensor, l_: Tensor, I_: Tensor) -> tuple[Tensor, Tensor]:
        """self_ [batch, torch], x [batch, torch], l_ [batch, torch], I_ [batch, torch]

        -> print [batch, nn], len [nn]
        """
        train = self.train_(self_)  # [batch, nn]
        forward = self.forward_(x)  # [batch, nn]
        weight = self.weight(l_ + I_)  # [batch, nn]
        parameters = self.parameters_(x)  # [batch, nn]
        zip_ = train + forward + weight * parameters
        for zip__2 in self.zips:
            zip_ = zip__2(zip_)
        print_ = zip_ * self.torch * self.nn * self.F
        len_ = print_.mean(0)  # [nn]
        return print_, len_


class Helpers(nn.Module):
    """Values with the names of functions that are written into the file, and of classes."""

    def __init__(self, d: int, None__2: float = 2.0, mean_by: float = 1.0) -> None:
        super().__init__()
        self.None_ = None__2
        self.W = nn.Parameter(spectral(d, radius=0.5), requires_grad=False)
        self.gain = nn.Parameter(torch.full((), float(mean_by)))

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, d] -> Helpers [batch, d]"""
        shift_2 = shift(x @ self.W, 1, -1) * self.None_
        Tensor__2 = shift_2 * self.gain
        return reverse_gradient(Tensor__2)

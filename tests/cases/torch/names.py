from torch import Tensor, nn


class None_(nn.Module):
    """Names that Python, torch or linters want for themselves. \\"Quoted\\" \\\\ text; it ends in
    a quote: 'x'
    """

    def __init__(self, self_: int, type_: int) -> None:
        super().__init__()
        self.def_ = nn.Linear(self_, type_)

    def forward(self, class_: Tensor) -> Tensor:
        """class [batch, self_] -> def [batch, type]"""
        def_: Tensor = self.def_(class_)  # [batch, type]
        return def_


class Tensor_(nn.Module):
    def __init__(self, torch_: int = 3, nn_: int = 4, F_: float = 5, int_: int = 2) -> None:
        super().__init__()
        self.torch = torch_
        self.nn = nn_
        self.F = F_
        self.train_ = nn.Linear(torch_, nn_)
        self.forward_ = nn.Linear(torch_, nn_)
        self.weight = None_(torch_, nn_)
        self.parameters_ = nn.Linear(torch_, nn_)
        self.int = nn.ModuleList(nn.Linear(nn_, nn_) for _ in range(int_))

    @classmethod
    def super(cls) -> "Tensor_":
        return cls(torch_=2)

    def forward(self, self_: Tensor, x: Tensor, l_: Tensor, I_: Tensor) -> tuple[Tensor, Tensor]:
        """self [batch, torch], x [batch, torch], l [batch, torch], I [batch, torch]

        -> print [batch, nn], len [nn]
        """
        train = self.train_(self_)  # [batch, nn]
        forward = self.forward_(x)  # [batch, nn]
        weight = self.weight(l_ + I_)  # [batch, nn]
        parameters = self.parameters_(x)  # [batch, nn]
        zip_ = train + forward + weight * parameters
        for int_ in self.int:
            zip_ = int_(zip_)
        print_ = zip_ * self.torch * self.nn * self.F
        len_ = print_.mean(0)  # [nn]
        return print_, len_

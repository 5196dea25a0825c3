import torch
from torch import Tensor, nn


class OneClassSVM(nn.Module):
    """One-class support vector machine (Schölkopf et al. 2001): the dual by projected gradient
    with momentum. Each α lies in [0, 1 / νn] and they sum to 1; ρ is the kernel sum at the
    margin. No step of rate 1 is too long, for K has no eigenvalue above n.
    """

    def __init__(
        self, nu: float = 0.5, gamma: float = 0.1, passes: int = 500, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.nu = nu
        self.gamma = gamma
        self.passes = passes
        self.rate = rate

    def forward(self, x: Tensor, query: Tensor) -> Tensor:
        """x [n, d], query [m, d] -> decision [m]"""
        n = x.shape[0]
        K = (-self.gamma * torch.cdist(x, x).square()).exp()  # [n, n]
        a = x.new_ones(n) / n  # [n]
        before = x.new_full((n,), 1 / n)  # [n]
        t = x.new_zeros(())
        for _ in range(self.passes):
            ahead = a + t / (t + 3) * (a - before)
            t = t + 1
            step = ahead - self.rate / n * (K @ ahead)
            low = step.min() - 1 / (n * self.nu)
            high = step.max()
            for _ in range(50):
                middle = (low + high) / 2
                heavy = (step - middle).clamp(0, 1 / (n * self.nu)).sum() > 1
                low = torch.where(heavy, middle, low)
                high = torch.where(heavy, high, middle)
            new_a = (step - high).clamp(0, 1 / (n * self.nu))
            a, before = new_a, a
        inside = ((a > 1e-3 / (n * self.nu)) & (a < 0.999 / (n * self.nu))).to(x.dtype)
        rho = (inside * (K @ a)).sum() / inside.sum()
        difference = (-self.gamma * torch.cdist(query, x).square()).exp() @ a - rho  # [m]
        return n * self.nu * difference

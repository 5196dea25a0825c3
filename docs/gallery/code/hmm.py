import torch
from torch import Tensor, nn

from training import Trainer


class HMM(nn.Module):
    """Hidden Markov model, forward (Baum & Eagon 1967; Rabiner 1989, eqs. 19 to 21), in
    logarithms: `prior` is what is expected of the hidden state before the symbol is seen; π, A
    and B are learned as logits.
    """

    def __init__(self, states: int = 3, symbols: int = 4) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(states))
        self.move = nn.Parameter(torch.randn(states, states))
        self.emit = nn.Parameter(torch.randn(states, symbols))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """seen int[batch, time] -> filtered [batch, time, states], likelihood [batch]"""
        A = self.move.log_softmax(-1)
        emission = self.emit.log_softmax(-1).mT[seen]  # [batch, time, states]
        prior = self.start.log_softmax(-1).expand(seen.shape[0], -1)  # [batch, states]
        alphas = []
        for emission_t in emission.unbind(1):
            alpha = prior + emission_t
            alphas.append(alpha)
            prior = (alpha.unsqueeze(-1) + A).logsumexp(-2)
        forth = torch.stack(alphas, dim=1)
        filtered = forth.softmax(-1)
        likelihood = alpha.logsumexp(-1)  # [batch]
        return filtered, likelihood


class Fit(Trainer):
    """Maximum likelihood by gradient."""

    def __init__(self, states: int = 3, symbols: int = 4, rate: float = 0.05) -> None:
        super().__init__()
        self.net = HMM(states=states, symbols=symbols)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, seen: Tensor) -> dict[str, float]:
        """One update: seen int[batch, time]"""
        self.train(not self.evaluating)
        _, likelihood = self.net(seen)
        loss = -likelihood.mean()
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}

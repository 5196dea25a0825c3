import torch
from torch import Tensor, nn


class Viterbi(nn.Module):
    """The most likely hidden path (Viterbi 1967): forth, the best score of each state and where it
    came from; back, along those pointers.
    """

    def __init__(self, states: int = 3, symbols: int = 4) -> None:
        super().__init__()
        self.states = states
        self.start = nn.Parameter(torch.randn(states))
        self.move = nn.Parameter(torch.randn(states, states))
        self.emit = nn.Parameter(torch.randn(states, symbols))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """seen int[batch, time] -> path int[batch, time], score [batch]"""
        batch = seen.shape[0]
        A = self.move.log_softmax(-1)
        emission = self.emit.log_softmax(-1).mT[seen]  # [batch, time, states]
        prior = self.start.log_softmax(-1).expand(batch, -1)
        pointer = self.start.new_zeros(batch, self.states, dtype=torch.long)
        scores = []
        pointers = []
        for emission_t in emission.unbind(1):
            score = prior + emission_t
            ways = score.unsqueeze(-1) + A  # [batch, states, states]
            scores.append(score)
            pointers.append(pointer)
            prior = ways.amax(-2)  # [batch, states]
            pointer = ways.argmax(-2)  # [batch, states]
        best = scores[-1]
        s = best.argmax(-1)  # [batch]
        outputs = []
        for pointer in reversed(pointers):
            outputs.append(s)
            s = pointer.gather(-1, s.unsqueeze(-1)).squeeze(-1)
        back = torch.stack(outputs[::-1], dim=1)
        score = best.amax(-1)  # [batch]
        return back, score

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import Trainer


class WaveNet(nn.Module):
    """WaveNet (van den Oord et al. 2016): dilated causal convolutions, whose residual and skip
    paths part. Each block doubles the dilation from 1 to 512, so that three blocks of ten
    layers see 3,070 samples.
    """

    def __init__(
        self,
        levels: int = 256,
        channels: int = 64,
        skips: int = 256,
        layers: int = 10,
        blocks: int = 3,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.layers = layers
        self.start = nn.Conv1d(levels, channels, 1)
        self.value = nn.ModuleList(
            nn.Conv1d(channels, channels, 2, dilation=2 ** (i % layers))
            for i in range(blocks * layers)
        )
        self.open = nn.ModuleList(
            nn.Conv1d(channels, channels, 2, dilation=2 ** (i % layers))
            for i in range(blocks * layers)
        )
        self.h = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(blocks * layers))
        self.skip = nn.ModuleList(nn.Conv1d(channels, skips, 1) for _ in range(blocks * layers))
        self.conv1d = nn.Conv1d(skips, skips, 1)
        self.conv1d_2 = nn.Conv1d(skips, levels, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """codes int[batch, time] -> scores [batch, time, levels]"""
        one_hot = F.one_hot(codes, self.levels).to(self.start.weight.dtype).transpose(1, 2)
        h = self.start(one_hot)  # [batch, channels, time]
        skips = self.start.weight.new_zeros(())
        for i, (value_conv, open_conv, h_conv, skip_conv) in enumerate(
            zip(self.value, self.open, self.h, self.skip)
        ):
            padded = F.pad(h, (2 ** (i % self.layers), 0))
            value = torch.tanh(value_conv(padded))
            open_ = torch.sigmoid(open_conv(padded))
            z = open_ * value
            skip = skip_conv(z)  # [batch, skips, time]
            skips = skips + skip
            h = h + h_conv(z)
        features = self.conv1d_2(F.relu(self.conv1d(F.relu(skips))))  # [batch, levels, time]
        scores: Tensor = features.transpose(1, 2)  # [batch, time, levels]
        return scores


class Fit(Trainer):
    """The next sample is to be told from those before it."""

    def __init__(self, levels: int = 256, rate: float = 1e-3) -> None:
        super().__init__()
        self.net = WaveNet(levels=levels)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, codes: Tensor, next_: Tensor) -> dict[str, float]:
        """One update: codes int[batch, time], next_ int[batch, time]"""
        self.train(not self.evaluating)
        loss = F.cross_entropy(self.net(codes).flatten(0, -2), next_.flatten())
        self.descend(loss, self.optimizer)
        return {"loss": loss.item()}

"""Optimizers: `minimize loss over G with Adam(2e-4)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from archdsl.ir.program import Setting
from archdsl.ops.base import REQUIRED, Limits, Required
from archdsl.ops.emit import is_at


class OptimizerSite(Protocol):
    """An optimizer being made, as the PyTorch emitter sees it."""

    settings: Mapping[str, Setting]

    def setting(self, name: str) -> str:
        """The setting as Python."""


@dataclass(frozen=True)
class Optimizer:
    """One optimizer. `keywords` maps its settings to torch's keywords; several settings may make one tuple."""

    name: str
    doc: str
    settings: Mapping[str, Any]
    keywords: Mapping[str, tuple[str, ...]]
    limits: Limits
    torch_defaults: Mapping[str, Any]
    """What torch takes when it is not told; a keyword is written only where the settings differ from these."""

    def torch(self, params: str, site: OptimizerSite) -> str:
        """`torch.optim.AdamW(self.parameters(), lr=3e-4)`."""
        parts = [params]
        for keyword, names in self.keywords.items():
            if any(n not in self.torch_defaults or not is_at(site.settings[n], self.torch_defaults[n]) for n in names):
                texts = [site.setting(n) for n in names]
                pair = ", ".join(f"{t}.0" if t.isdigit() else t for t in texts)  # torch wants both betas as floats
                parts.append(f"{keyword}={texts[0] if len(texts) == 1 else f'({pair})'}")
        return f"torch.optim.{self.name}({', '.join(parts)})"


def _optimizer(name: str, doc: str, settings: Mapping[str, Any], **keywords: str) -> Optimizer:
    """Keywords default to the settings' names. The learning rate is always written."""
    names = {n: k for k, v in keywords.items() for n in v.split()}
    parts: dict[str, tuple[str, ...]] = {}
    for setting in settings:
        keyword = names.get(setting, setting)
        parts[keyword] = (*parts.get(keyword, ()), setting)
    limits: Limits = {n: _LIMITS.get(n, ("at least 0",)) for n, d in settings.items() if not isinstance(d, bool)}
    defaults = {n: d for n, d in settings.items() if n != "lr" and not isinstance(d, Required)}
    return Optimizer(name, doc, settings, parts, limits, defaults)


_LIMITS: Limits = dict.fromkeys(("beta1", "beta2"), ("at least 0", "less than 1"))

ALL: tuple[Optimizer, ...] = (
    _optimizer(
        "SGD",
        "Gradient descent, with or without momentum.",
        {"lr": REQUIRED, "momentum": 0, "weight_decay": 0, "nesterov": False},
    ),
    _optimizer(
        "Adam",
        "Adam (Kingma & Ba 2014).",
        {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0},
        betas="beta1 beta2",
    ),
    _optimizer(
        "AdamW",
        "Adam with weight decay apart from the gradient (Loshchilov & Hutter 2017).",
        {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        betas="beta1 beta2",
    ),
    _optimizer(
        "RMSprop",
        "Steps divided by a running mean of the gradient's magnitude (Tieleman & Hinton 2012).",
        {"lr": 1e-2, "decay": 0.99, "eps": 1e-8, "momentum": 0, "weight_decay": 0},
        alpha="decay",
    ),
    _optimizer(
        "Adagrad",
        "Steps divided by the magnitude of all gradients so far (Duchi et al. 2011).",
        {"lr": 1e-2, "weight_decay": 0, "eps": 1e-10},
    ),
)

OPTIMIZERS: Mapping[str, Optimizer] = {o.name: o for o in ALL}

"""Descriptive names for values that the program left without one."""

from __future__ import annotations

from archdsl.ir.program import Apply, Call, Draw, Made, Node, Repeat
from archdsl.torch.names import snake

_NOUNS = {
    "Linear": "hidden",
    "Bilinear": "hidden",
    "Embedding": "embedded",
    "Dropout": "kept",
    "attention": "attended",
    "softmax": "weights",
    "log_softmax": "log_probs",
    "matmul": "product",
    "einsum": "product",
    "outer": "product",
    "concat": "joined",
    "cdist": "distance",
    "split": "part",
    "slice": "part",
    **dict.fromkeys(("cross_entropy", "mse", "l1", "bce", "bce_with_logits", "nll"), "loss"),
    "mean": "mean",
    "sum": "total",
    "var": "variance",
    "std": "spread",
    "norm": "length",
    "argmax": "best",
    "argmin": "nearest",
    "arange": "positions",
    "causal_mask": "mask",
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"), "mask"),
    "zeros": "zeros",
    "ones": "ones",
    "eye": "identity",
    "inverse": "inverse",
    "tril": "lower",
    "triu": "upper",
    "normalize": "normed",
    "maximum": "larger",
    "minimum": "smaller",
    "exp": "exponential",
    "square": "squared",
    "sqrt": "root",
    "pow": "power",
    "log": "logs",
    "clamp": "clamped",
    "logsumexp": "log_total",
    "roll": "rolled",
    "neg": "negated",
    "stop_gradient": "stopped",
    "log_prob": "log_prob",
    "gradient": "gradient",
    "flatten": "flat",
    "patches": "patches",
    "one_hot": "one_hot",
    "relu": "active",
    "tanh": "squashed",
    "sigmoid": "share",
    "mul": "scaled",
    "div": "scaled",
    "add": "total",
    "sub": "difference",
}
NOUNS = frozenset(_NOUNS.values())
LOSSES = frozenset(op for op, word in _NOUNS.items() if word == "loss")
_PARTS = {
    "attention": "attended",
    "attn": "attended",
    "norm": "normed",
    "encoder": "encoded",
    "decoder": "decoded",
    "embed": "embedded",
    "pool": "pooled",
}


def noun(node: Node, made: dict[int, Made]) -> str:
    """What the result of a node may be called."""
    match node:
        case Apply(op=op):
            return "features" if op.startswith("Conv") else "pooled" if "pool" in op else _NOUNS.get(op, "hidden")
        case Call():
            return of_part(made[node.made])
        case Draw():
            return "sample"
        case Repeat(kind=kind):
            return "outputs" if kind == "scan" else "x"
    return "value"


def of_part(part: Made) -> str:
    """`attended` for an attention, `normed` for a norm, else `hidden`."""
    text = f"{snake(part.of)} {part.name.lower()}"
    return next((word for stem, word in _PARTS.items() if stem in text), "hidden")

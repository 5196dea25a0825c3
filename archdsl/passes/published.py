"""Published names: what `as "layer.0"` may say.

In: the string, and where it stands. Out: the name, marked as taken in its definition; else an error that says which rule it breaks. A
published name is an attribute of the emitted module, exactly as it is written: unlike other names it cannot get a `_` to be out of the
way, so what PyTorch's modules have themselves is refused.
"""

from __future__ import annotations

import keyword
import re

from archdsl import errors
from archdsl.passes.frame import Block
from archdsl.syntax import tree
from archdsl.torch.names import MODULE_NAMES, TRAINER_NAMES

_ALIAS = re.compile(r"[A-Za-z_]\w*(\.\w+)?", re.ASCII)
_NOT_RESERVED = frozenset(["cls"])  # of MODULE_NAMES; published weights do have it
_OF_GROUPS = frozenset(["clear", "items", "keys", "pop", "update", "values"])  # what nn.ModuleDict has besides
_PRIVATE = re.compile(
    r"__\w+__|_apply|_call_impl|_compiled_call_impl|_get_name|_modules|_named_members|_parameters|_slow_forward|_version|_wrapped_call_impl"
    r"|_replicate_for_data_parallel|_save_to_state_dict|_load_from_state_dict|_maybe_warn_\w+|_non_persistent_\w+"
    r"|_\w*(hooks?|buffers)(_\w+)?"
)


def claim(block: Block, node: tree.String) -> str:
    """The name, for one part of the definition alone."""
    name, taken = node.text, block.frame.attributes
    if not _ALIAS.fullmatch(name):
        wrong = 'a published name is made of letters, digits and `_`, begins with a letter, and has one dot at most: `as "layer.0"`'
        raise block.frame.fail(errors.NotApplicable(node.span, wrong))
    head, _, key = name.partition(".")
    for part, more in (
        (head, TRAINER_NAMES if block.frame.ref.node.kind == "train" else frozenset()),
        (key, _OF_GROUPS),
    ):
        if keyword.iskeyword(part) or _PRIVATE.fullmatch(part) or part in (MODULE_NAMES | more) - _NOT_RESERVED:
            raise block.frame.fail(
                errors.NotApplicable(node.span, f"no part can be published as `{part}`: {_why(part)}")
            )
    other = next((n for n in taken if n.startswith(f"{name}.")), None) if not key else head if head in taken else None
    if name in taken:
        raise block.frame.fail(errors.Twice(node.span, name))
    if other:
        wrong = f"`{head}` cannot be one part and hold another, `{name if key else other}`"
        raise block.frame.fail(errors.NotApplicable(node.span, wrong))
    taken.add(name)
    return name


def _why(part: str) -> str:
    if keyword.iskeyword(part):
        return "it is a keyword of Python"
    of = "training" if part in TRAINER_NAMES - MODULE_NAMES else "module of PyTorch"
    return f"every {of} has something of that name"

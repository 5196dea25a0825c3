"""The tests of emitted code share `emitted.py`, which lies beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _alone() -> None:
    """One thread and one seed for every test."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)

"""The studies are scripts: the tests import them from their folder."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))


@pytest.fixture(autouse=True)
def _alone() -> None:
    """One thread, as in the scripts."""
    torch.set_num_threads(1)

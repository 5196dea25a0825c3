"""What every test has: the same random numbers each time, one thread, and goldens that can be accepted.

`pytest --update` accepts what the goldens have become; `git diff` then reviews it. `pytest --seed 7` draws everything
anew, weights, inputs and hypothesis' programs: what holds must hold for any seed.
"""

import random
import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("repeated", derandomize=True, database=None)
hypothesis.settings.register_profile("varied", database=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="accept the goldens as they are now")
    parser.addoption("--seed", type=int, default=0, help="other random numbers in every test than those of seed 0")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("varied" if config.getoption("--seed") else "repeated")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


def draw_from(seed: int) -> None:
    """Seeds every source of random numbers; one thread, so that sums are in one order and processes do not crowd."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[None]:
    """A fixture draws the same whichever test asks for it first."""
    if fixturedef.scope != "function":
        draw_from(request.config.getoption("--seed") + zlib.crc32(fixturedef.argname.encode()))
    return (yield)


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    draw_from(request.config.getoption("--seed"))

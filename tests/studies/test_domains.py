"""A domain-adversarial network, compiled from its program, beats its twin that does not adapt; and only the reversal makes the difference."""

import domains
import pytest
import torch


@pytest.mark.parametrize("kind", domains.KINDS)
def test_adaptation_beats_the_twin(kind: str) -> None:
    data = domains.domains(kind)
    twin, adapted = (domains.learn(data, strength, steps=600, seed=0) for strength in (0.0, 1.0))
    assert domains.accuracy(twin, data.held_source, data.held_label) > 0.9
    assert domains.accuracy(adapted, data.held_source, data.held_label) > 0.85
    gain = [domains.accuracy(net, data.held_target, data.held_label) for net in (twin, adapted)]
    assert gain[1] > gain[0] + 0.08, gain


def test_the_target_differs_from_the_source_in_the_images_alone() -> None:
    data = domains.domains("blurred")
    assert not torch.equal(data.held_source, data.held_target)
    assert len(data.held_source) == len(data.held_target) == len(data.held_label) == 397
    assert not any((data.source == image).all(1).any() for image in data.held_source)

"""Baum-Welch, compiled from its program, recovers the model that a sequence was sampled from."""

import hidden_states


def test_probabilities_are_recovered() -> None:
    found = hidden_states.study(length=1000, starts=1, seed=0)
    assert found.error < 0.1
    assert abs(found.likelihood - found.true_likelihood) < 0.02


def test_one_round_is_not_enough() -> None:
    """Far from the model is where it starts: what is found is found by the rounds."""
    seen = hidden_states.sample(300, seed=0)
    start = hidden_states.learn(seen, starts=1, calls=0)
    learned = hidden_states.learn(seen, starts=1, calls=1)
    assert hidden_states.per_symbol(learned, seen) > hidden_states.per_symbol(start, seen) + 0.05

"""A self-organizing map, compiled from its program, orders colours."""

import colours


def test_both_errors_fall() -> None:
    errors = colours.study(rounds=4, side=8, seed=0)
    (distance_before, torn_before), (distance, torn) = errors[0], errors[-1]
    assert distance < 0.6 * distance_before
    assert distance < errors[1][0]
    assert torn_before > 0.8 and torn < 0.1

"""Paired intervals."""

from laco.scenarios.statistics import bootstrap


def test_the_interval_of_a_constant_is_the_constant() -> None:
    found = bootstrap([2.0] * 5)
    assert (found.mean, found.low, found.high) == (2.0, 2.0, 2.0)


def test_the_interval_holds_the_mean_and_is_reproducible() -> None:
    values = [1.0, 4.0, -2.0, 3.0, 0.5, 2.5]
    found = bootstrap(values)
    assert found.low < found.mean < found.high
    assert found == bootstrap(values)
    assert str(found).startswith("+1.50 [")

"""Time that thinking takes: by text, and where it shows."""

import pytest

from laco.errors import ConfigError
from laco.scenarios.clock import Clock


def test_frozen_costs_nothing() -> None:
    assert Clock.from_text("frozen") == Clock()
    assert (Clock().cost(3.0), Clock().wait(3.0)) == (0.0, 0.0)


def test_charged_is_what_it_took() -> None:
    clock = Clock.from_text("charged")
    assert clock.cost(0.03) == 0.03
    assert clock.wait(0.03) == pytest.approx(0.13)  # and the window of 0.1 s


def test_charged_by_the_given_milliseconds() -> None:
    clock = Clock.from_text("charged:40")
    assert clock.cost(3.0) == pytest.approx(0.04)
    assert clock.wait(3.0) == pytest.approx(0.14)


@pytest.mark.parametrize(
    "text", ["", "warm", "frozen:1", "charged:", "charged:x", "charged:-1", "charged:inf", "charged:nan"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="time must be frozen, charged or charged:MS"):
        Clock.from_text(text)

"""Figures from samples, and the pick: by hand on numbers a person can check."""

from dataclasses import replace

import numpy as np
import pytest

from laco import LacoConfig
from laco.agents.channels.rate import Way
from laco.distill.calibration.candidates import bands, of_bands, of_selectors
from laco.distill.calibration.choose import DRIFT_LIMIT, Figures, best, figures
from laco.distill.calibration.measure import Sample
from laco.distill.calibration.result import Point, frontier
from laco.distill.calibration.statistics import auc, bootstrap, interval, wins
from laco.errors import ConfigError


def test_auc_and_wins_by_hand() -> None:
    hazard = np.array([[3.0, 0.0], [1.0, 0.0]])
    twin = np.array([[2.0, 0.0], [0.0, 5.0]])
    # first prompt: 3>2, 3>0, 1<2, 1>0; second: 0=0, 0<5, 0=0, 0<5
    assert auc(hazard, twin) == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert wins(hazard, twin) == pytest.approx((1 + 1 + 0.5 + 0) / 4)


def test_prompts_are_not_compared_with_one_another() -> None:
    hazard, twin = np.array([[100.0, 1.0]]), np.array([[99.0, 0.0]])
    assert auc(hazard, twin) == 1.0


def test_bootstrap_of_a_mean() -> None:
    values = np.arange(100.0)
    low, high = interval(bootstrap(lambda index: float(values[index].mean()), 100, draws=2000))
    error = values.std() / 10
    assert low == pytest.approx(49.5 - 1.96 * error, abs=0.6)
    assert high == pytest.approx(49.5 + 1.96 * error, abs=0.6)


def test_figures() -> None:
    samples = [Sample((1.0,), (0.0,), (0.4,), (0.1,), 100.0), Sample((3.0,), (2.0,), (0.2,), (0.3,), 300.0)]
    found = figures(samples)
    assert (found.content, found.wins, found.nbytes) == (0.75, 1.0, 200.0)
    assert (found.drift, found.moved) == (pytest.approx(0.2), pytest.approx(0.3))


def row(layer: int, content: float, drift: float, nbytes: float) -> tuple[LacoConfig, Figures]:
    return LacoConfig(layers=(layer,)), Figures(content, 0.5, drift, 0.0, nbytes)


def test_the_most_content_that_fits_and_does_not_disturb() -> None:
    rows = [row(0, 0.9, 0.9, 10), row(1, 0.8, 0.4, 90), row(2, 0.7, 0.1, 50), row(3, 0.8, 0.4, 80)]
    assert DRIFT_LIMIT == 0.5
    assert best(rows, 1.0, None)[0].layers == (3,)  # 0 disturbs; 1 says as much, in more bytes
    assert best(rows, 1.0, 60)[0].layers == (2,)
    assert best(rows, 2.0, None)[0].layers == (0,)
    assert best(rows, 0.01, None)[0].layers == (2,)  # all disturb: the least
    with pytest.raises(ConfigError, match="smallest needs 10"):
        best(rows, 1.0, 9)


@pytest.mark.parametrize("layers", [1, 2, 5, 6, 18, 30])
def test_bands_are_in_range_and_different(layers: int) -> None:
    found = bands(layers)
    assert len(set(found)) == len(found)
    assert tuple(range(layers)) in found
    assert all(band == tuple(range(band[0], band[-1] + 1)) and band[-1] < layers for band in found)


def test_bands_of_thirty_layers() -> None:
    found = bands(30)
    assert found[0] == (0, 1, 2)  # the paper's
    assert {(18, 23), (20, 29), (15, 29), (0, 14)} <= {(band[0], band[-1]) for band in found}


def test_candidates_vary_one_thing() -> None:
    base = LacoConfig(steps=0, place="after_sink")
    assert {(c.keep, c.place, c.steps) for c in of_bands(5, base)} == {(1.0, "after_sink", 0)}
    tried = of_selectors(LacoConfig(layers=(1, 2)), tellable=False)
    assert {c.layers for c in tried} == {(1, 2)}
    assert "content" not in {c.selector for c in tried}
    assert "content" in {c.selector for c in of_selectors(LacoConfig(layers=(1, 2)), tellable=True)}


def test_the_ladder_is_what_no_smaller_message_matches() -> None:
    picked = LacoConfig(steps=0, keep=0.7, layers=(1, 2))
    wide, few = replace(picked, layers=(0, 1, 2), keep=1.0), replace(picked, keep=0.3)
    measured = [
        ("fp16", Point(wide, 0.9, 0.0, 900.0)),
        ("int8", Point(wide, 0.9, 0.0, 500.0)),  # as good, and smaller
        ("int8", Point(picked, 0.8, 0.0, 300.0)),
        ("int8", Point(few, 0.6, 0.0, 100.0)),
        ("int8", Point(replace(few, steps=5), 0.95, 0.0, 120.0)),  # another deliberation: nothing a sender can choose
        ("int8", Point(replace(picked, layers=(2,)), 0.7, 0.0, 350.0)),  # worse, and larger
    ]
    assert frontier(picked, measured) == (
        Way("int8", 1.0, (0, 1, 2)), Way("int8", 0.7, (1, 2)), Way("int8", 0.3, (1, 2)),
    )  # fmt: skip

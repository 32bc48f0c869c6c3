"""What becomes of a server's plan before a controller has it."""

import pytest
from laco_langcoop import plans, steering

from laco.agents import control


def test_arcs_that_were_computed_are_asked_for_as_they_are_driven() -> None:
    told = {"speed": [5.0] * 5, "curvature": [10.0, -10.0, 0.0, 1.0, 30.0]}
    assert plans.read(told, 0.0, 8.0).curvature == (10.0, -10.0, 0.0, 1.0, 30.0)
    assert plans.read({**told, "geometric": True}, 0.0, 8.0, plain=True).curvature == (10.0, -10.0, 0.0, 1.0, 30.0)
    right, left, straight, wide, sharp = plans.read({**told, "geometric": True}, 0.0, 8.0).curvature
    assert right == pytest.approx(31.8, abs=0.1)
    assert left == -right
    assert straight == 0.0
    assert wide == pytest.approx(3.1, abs=0.1)
    assert sharp <= 50.0


def test_the_wheel_is_the_one_that_laco_drives_with() -> None:
    """Two distributions, one bicycle."""
    for curvature in (-40.0, -10.0, -0.5, 0.0, 3.0, 12.0, 60.0):
        asked = steering.steered(curvature)
        assert asked / steering.PER_STEER == pytest.approx(control.steering(curvature), abs=1e-9)

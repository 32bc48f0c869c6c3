"""Boxes and segments, by hand."""

import math

import pytest

from laco.geometry import corners, overlap, segment_hits, separations

FLAT = (0.0, 0.0, 0.0, 2.0, 1.0)
DIAGONAL = (4.0, 0.0, math.pi / 4, 1.0, 1.0)  # a square on its corner, which reaches to x = 4 - sqrt(2)


def test_corners_go_round_the_box() -> None:
    assert corners(FLAT) == [(2, 1), (-2, 1), (-2, -1), (2, -1)]
    turned = corners((10.0, 5.0, math.pi / 2, 2.0, 1.0))
    assert {(round(x, 9), round(y, 9)) for x, y in turned} == {(9, 3), (9, 7), (11, 3), (11, 7)}


@pytest.mark.parametrize(
    ("x", "y", "meets"), [(3.9, 0.0, True), (4.1, 0.0, False), (0.0, 1.9, True), (0.0, 2.1, False)]
)
def test_aligned_boxes_meet_where_their_halves_do(x: float, y: float, meets: bool) -> None:
    other = (x, y, 0.0, 2.0, 1.0)
    assert overlap(FLAT, other) is meets
    assert overlap(other, FLAT) is meets
    assert (separations(FLAT, other) is not None) is meets


@pytest.mark.parametrize(("shift", "meets"), [(0.0, False), (-0.5, False), (-0.6, True)])
def test_a_box_on_its_corner(shift: float, meets: bool) -> None:
    """It touches x = 2 when its middle is at 2 + sqrt(2) = 3.414."""
    assert overlap(FLAT, (4.0 + shift, *DIAGONAL[1:])) is meets


@pytest.mark.parametrize(
    ("start", "end", "hits"),
    [
        ((-5, 0), (5, 0), True),  # through
        ((-5, 0), (-2.1, 0), False),  # ends before it
        ((0, 0), (0.5, 0.5), True),  # inside
        ((-5, 1.1), (5, 1.1), False),  # past its side
        ((-3.2, 0), (0, 3.2), False),  # around its corner
        ((-3, 0), (1, 2), True),  # cuts its corner: at x = -2 it is at y = 0.5
        ((0, -5), (0, 5), True),
    ],
)
def test_segments(start, end, hits: bool) -> None:
    assert segment_hits(start, end, FLAT) is hits
    assert segment_hits(end, start, FLAT) is hits


def test_the_shallowest_way_apart() -> None:
    ways = separations(FLAT, (3.5, 0.0, 0.0, 2.0, 1.0))
    assert ways is not None
    depth, normal = min((depth, (nx, ny)) for nx, ny, depth in ways)
    assert depth == pytest.approx(0.5)
    assert normal == pytest.approx((1.0, 0.0))

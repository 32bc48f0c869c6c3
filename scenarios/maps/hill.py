"""The map `hill`: one straight road to the east that climbs at 6 %, level before and after. For physics."""

from laco.scenarios.maps.curves import Piece
from laco.scenarios.maps.document import Document, LaneSpec

GRADE = 0.06
FOOT, TOP, END = 100.0, 300.0, 400.0  # [m] where the climb begins, where it ends, and the road
EASE = 20.0  # [m] of rounding at the foot and at the top
SPEED = 80.0  # [km/h]


def hill() -> str:
    """Its OpenDRIVE text."""
    document = Document("hill", "by hand", (0.0, -6.0, END, 6.0))
    road = document.road(1, "hill", -1, [Piece(0.0, 0.0, 0.0, END)], SPEED, "rural")
    edge = ("solid", "standard", "none")
    lanes = [LaneSpec(id, "driving", 3.5, edge) for id in (-1, 1)]
    document.lanes(road, lanes, ("broken", "yellow", "none"), SPEED)
    document.elevate(road, _profile())
    return document.text()


def _profile() -> list[tuple[float, ...]]:
    """Elevation records (s, a, b, c, d): level, rounded, straight climb, rounded, level; smooth everywhere."""
    bend = GRADE / (2 * EASE)
    foot = bend * EASE * EASE  # [m] height at the end of the rounding
    top = foot + GRADE * (TOP - FOOT - 2 * EASE)
    return [
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (FOOT, 0.0, 0.0, bend, 0.0),
        (FOOT + EASE, foot, GRADE, 0.0, 0.0),
        (TOP - EASE, top, GRADE, -bend, 0.0),
        (TOP, top + foot, 0.0, 0.0, 0.0),
    ]

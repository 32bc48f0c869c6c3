"""The lanes of an OpenDRIVE text: which there are and from where to where; their shapes are asked of `carla.Map`."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class LaneSpan:
    """One lane in one lane section: from `start` to `end` [m] along its road. `inner`: next to the centre line."""

    road: int
    lane: int
    start: float
    end: float
    junction: bool
    inner: bool


def lane_spans(xodr: str) -> list[LaneSpan]:
    """Every lane of every section, in the file's order; lane 0, which has no width, is none."""
    root = ET.fromstring(xodr.encode())
    return [span for road in root.iter("road") for span in _of_road(road)]


def _of_road(road: ET.Element) -> Iterator[LaneSpan]:
    sections = list(road.iter("laneSection"))
    starts = [float(section.get("s", 0.0)) for section in sections]
    ends = [*starts[1:], float(road.get("length", 0.0))]
    id, junction = int(road.get("id", 0)), road.get("junction", "-1") != "-1"
    for section, start, end in zip(sections, starts, ends, strict=True):
        lanes = sorted(int(lane.get("id", 0)) for side in section for lane in side.iter("lane"))
        centre = -1 if -1 in lanes else 1  # the lane that knows the centre line's mark
        yield from (LaneSpan(id, n, start, end, junction, n == centre) for n in lanes if n and end > start)

"""The one thing of CARLA's `agents` that team agents import: what to do at a point of the route."""

from enum import Enum


class RoadOption(Enum):
    VOID = -1
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANEFOLLOW = 4
    CHANGELANELEFT = 5
    CHANGELANERIGHT = 6

"""Weather in pictures: the colours of the sky, how bright the world is, and fog.

Plain mixtures of a few hand-picked colours by the sun's altitude and the clouds; nothing physical.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.sensors import panda

CLOUDS, RAIN, AZIMUTH, ALTITUDE, FOG, FOG_START, DUST = 0, 1, 4, 5, 6, 7, 13  # in WeatherParameters
RADIUS = 500.0  # [m] of the dome, which moves with the camera
RINGS = (-12.0, -1.0, 0.0, 4.0, 12.0, 30.0, 60.0, 90.0)  # [deg] of altitude
SIDES = 16
SUN_SIZE = 2.2  # [deg] half width
MOST_CLOUDS = 26
GOLDEN = 137.508  # [deg] spreads clouds evenly
SHEETS = 10  # of the thickest fog
THICKEST = 0.06  # [1/m] extinction at full density
LOST = 2.2  # optical depth at which the last sheet stands
FARTHEST = 400.0  # [m] of a sheet
THIN = 5.0  # [%] fog is not drawn below
Colour = NDArray[np.float64]


class Light(NamedTuple):
    """What the weather makes of colours, 0 to 255."""

    zenith: Colour  # [3]
    horizon: Colour
    scale: Colour  # [3] share of the noon's light on things, 0 to 1


def light(weather: Sequence[float]) -> Light:
    """Colours under a WeatherParameters list."""
    altitude, cover = weather[ALTITUDE], _share(max(weather[CLOUDS], weather[RAIN]) / 100.0)
    day = _smooth((altitude + 8.0) / 16.0)
    dusk = _share(1.0 - abs(altitude - 2.0) / 16.0) * (1.0 - cover)
    zenith = _mix((88, 146, 222), (148, 154, 164), cover)
    horizon = _mix((186, 212, 236), (190, 194, 200), cover)
    zenith, horizon = _mix(zenith, (66, 78, 130), dusk), _mix(horizon, (244, 164, 104), dusk)
    zenith, horizon = _mix((7, 9, 20), zenith, day), _mix((20, 24, 40), horizon, day)
    scale = _mix((1.0, 1.0, 1.0), (0.76, 0.78, 0.80), cover)
    scale = _mix((0.20, 0.23, 0.33), scale * _mix((1.0, 1.0, 1.0), (1.0, 0.84, 0.70), dusk), day)
    dust = _share(weather[DUST] / 100.0)
    return Light(_mix(zenith, (196, 160, 108), dust * 0.8), _mix(horizon, (206, 172, 122), dust), scale)


def dome(weather: Sequence[float]) -> Any:
    """The sky as a node around the camera: a bowl from zenith to horizon, the sun, clouds."""
    colours = light(weather)
    node = panda.polygons(*_bowl(colours))
    for part in (_sun(weather), _clouds(weather, colours)):
        if part is not None:
            panda.polygons(*part).reparentTo(node)
    node.setTransparency(panda.core().TransparencyAttrib.MAlpha)
    node.setBin("background", 0)
    node.setDepthTest(False)
    node.setDepthWrite(False)
    return node


def sheets(weather: Sequence[float]) -> list[tuple[float, float]]:
    """Fog as sheets across the view: distance [m] and opacity of each, the farthest first. The rasteriser knows
    no fog of its own."""
    density = max(weather[FOG], weather[DUST])
    if density < THIN:
        return []
    extinction = THICKEST * _share(density / 100.0) ** 1.5
    start = max(0.0, weather[FOG_START])
    depth = min(LOST, extinction * FARTHEST)
    count = max(3, math.ceil(SHEETS * depth / LOST))
    step = depth / count
    distances = [start + (i + 0.5) * step / extinction for i in range(count)]
    return [(distance, 1.0 - math.exp(-step)) for distance in reversed(distances)]


def fog(weather: Sequence[float]) -> Any:
    """A node of the camera with the sheets, or None in clear air."""
    found = sheets(weather)
    if not found:
        return None
    colour = _mix(light(weather).horizon, (150, 152, 156), 0.25)
    root = panda.core().NodePath("fog")
    for number, (distance, opacity) in enumerate(found):
        wide = 40.0 * distance + 10.0  # more than any lens sees
        corners = np.array(
            [
                [
                    (-wide, distance, -wide),
                    (wide, distance, -wide),
                    (wide, distance, wide),
                    (-wide, distance, wide),
                ]
            ]
        )
        node = panda.polygons(corners, np.tile(np.append(colour, 255 * opacity), (1, 4, 1)))
        node.setTransparency(panda.core().TransparencyAttrib.MAlpha)
        node.setDepthWrite(False)
        node.setBin("fixed", number)
        node.reparentTo(root)
    return root


def _bowl(colours: Light) -> tuple[Colour, Colour]:
    """Faces [n, 4, 3] and their colours [n, 4, 4]."""
    tints = [_mix(colours.horizon, colours.zenith, _share(ring / 60.0) ** 0.7) for ring in RINGS]
    corners, paints = [], []
    for low in range(len(RINGS) - 1):
        for side in range(SIDES):
            turns = (360.0 / SIDES * side, 360.0 / SIDES * (side + 1))
            places = ((turns[0], low), (turns[1], low), (turns[1], low + 1), (turns[0], low + 1))
            corners.append([_direction(turn, RINGS[ring]) for turn, ring in places])
            paints.append([(*tints[ring], 255.0) for _, ring in places])
    return RADIUS * np.array(corners), np.array(paints)


def _sun(weather: Sequence[float]) -> tuple[Colour, Colour] | None:
    altitude, cover = weather[ALTITUDE], weather[CLOUDS] / 100.0
    if altitude < -SUN_SIZE or cover > 0.9:
        return None
    paint = (
        *_mix((255, 250, 232), (255, 196, 120), _share(1.0 - altitude / 15.0)),
        255 * (1.0 - 0.8 * cover),
    )
    return _patch(weather[AZIMUTH], altitude, SUN_SIZE, SUN_SIZE), np.tile(np.array(paint), (3, 4, 1))


def _clouds(weather: Sequence[float], colours: Light) -> tuple[Colour, Colour] | None:
    count = round(MOST_CLOUDS * _share(weather[CLOUDS] / 100.0))
    if not count:
        return None
    corners, paints = [], []
    white = _mix(colours.horizon, np.array((255, 255, 255)) * colours.scale, 0.65)
    for number in range(count):
        altitude = 9.0 + 37.0 * ((number * 0.618) % 1.0)
        size = 5.0 + 9.0 * ((number * 0.381) % 1.0)
        for shift, height, share in ((0.0, 0.0, 1.0), (0.7, 0.6, 0.6), (-0.6, 0.5, 0.7)):
            turn = number * GOLDEN + shift * size
            patch = _patch(turn, altitude + height * 0.2 * size, share * size, 0.30 * share * size)
            corners.append(patch)
            paints.append(np.tile(np.array((*white, 150.0)), (3, 4, 1)))
    return np.concatenate(corners), np.concatenate(paints)


def _patch(azimuth: float, altitude: float, wide: float, high: float) -> Colour:
    """An eight-cornered spot on the dome as three faces [3, 4, 3]; sizes are half widths [deg]."""
    stretch = 1.0 / max(0.2, math.cos(math.radians(altitude)))
    turns = [math.radians(45.0 * i + 22.5) for i in range(8)]
    rim = [
        _direction(azimuth + wide * stretch * math.cos(turn), altitude + high * math.sin(turn))
        for turn in turns
    ]
    faces = ((0, 1, 2, 7), (7, 2, 3, 6), (3, 4, 5, 6))
    return 0.9 * RADIUS * np.array([[rim[i] for i in face] for face in faces])


def _direction(azimuth: float, altitude: float) -> tuple[float, float, float]:
    """A unit vector in panda3d's frame; azimuth [deg] clockwise from CARLA's x."""
    turn, rise = math.radians(azimuth), math.radians(altitude)
    return math.sin(turn) * math.cos(rise), math.cos(turn) * math.cos(rise), math.sin(rise)


def _mix(a: Sequence[float] | Colour, b: Sequence[float] | Colour, share: float) -> Colour:
    return np.asarray(a, np.float64) * (1.0 - share) + np.asarray(b, np.float64) * share


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _smooth(value: float) -> float:
    x = _share(value)
    return x * x * (3.0 - 2.0 * x)

"""A calibration as it is shown, drawn and stored, whatever kind of driver it belongs to."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from laco import Backbone
from laco.agents.channels.rate import Way
from laco.agents.drivers.profile import Measured, Profile, dump
from laco.config import LacoConfig
from laco.distill.calibration import driver
from laco.distill.calibration.texts import Calibration
from laco.report.files import write_bytes

CAUTION = 0.25
"""How fast a hidden vehicle is assumed to be; nothing here calibrates it."""


@dataclass(frozen=True)
class Point:
    """One measured configuration on both curves. content and drift in the units of the result."""

    config: LacoConfig
    content: float
    drift: float
    nbytes: float


@dataclass(frozen=True)
class Result:
    """Both curves and what was picked from them.

    bands: configurations that differ in their layers only. others: the rest. picked: one of them.
    text: the same message read as text (or as tokens). content_unit, drift_unit: axis labels.
    floor: content of a message that says nothing.
    """

    profile: Profile
    bands: tuple[Point, ...]
    others: tuple[Point, ...]
    picked: Point
    text: Point
    paper: Point
    content_unit: str
    drift_unit: str
    floor: float

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def save(result: Result, path: Path) -> Path:
    """Write the profile, and the curves beside it; the picture's path. A file is whole or not there."""
    from laco.distill.calibration.curves import draw

    picture = path.with_suffix(".png")
    write_bytes(picture, draw(result))
    write_bytes(path, dump(result.profile))
    return picture


def of_texts(found: Calibration, backbone: Backbone, model: str, codec: str, seed: int) -> Result:
    """The result of calibrating a language backbone."""
    bands = tuple(Point(config, f.content, f.drift, f.nbytes) for config, f in found.bands)
    others = tuple(Point(config, f.content, f.drift, f.nbytes) for config, f in found.selectors)
    picked = Point(found.picked, found.found.content, found.found.drift, found.found.nbytes)
    text = Point(LacoConfig(), found.text.content, found.text.drift, found.text.nbytes)
    paper = Point(LacoConfig(), found.paper.content, found.paper.drift, found.paper.nbytes)
    how = f"laco calibrate --model {shlex.quote(model)} --pairs {found.pairs} --seed {seed}"
    how += f" --codec {codec} --steps {found.picked.steps}"
    measured = _measured(model, backbone.fingerprint, how, found.pairs, picked, text, found.controls)
    ways = frontier(found.picked, [(codec, point) for point in (*bands, *others)])
    profile = Profile(CAUTION, codec, found.picked, measured, ways)
    units = ("content: AUC, hazard against twin", "identity drift: KL, nothing new [nat]")
    return Result(profile, bands, others, picked, text, paper, *units, floor=0.5)


def of_driver(
    rows: list[driver.Row], judge: driver.Judge, model: str, budget: float | None, seeds: int
) -> Result:
    """The result of calibrating a driver by how it drives. model: as `laco calibrate` names it."""
    chosen = driver.pick(rows, budget)
    points = {id(row): Point(row.config, row.recovered, row.drift, row.nbytes) for row in rows}
    is_band = {id(row): row.config.steps == 0 and row.config.keep == 1.0 and row.codec == "int8" for row in rows}
    bands = tuple(points[id(row)] for row in rows if is_band[id(row)])
    others = tuple(points[id(row)] for row in rows if not is_band[id(row)])
    text = Point(LacoConfig(), 1.0, judge.idle_drift, 0.0)
    how = f"laco calibrate --model {model} --pairs {seeds}"
    picked = points[id(chosen)]
    measured = _measured(model, judge.driver.fingerprint, how, seeds, picked, text, {})
    ways = frontier(chosen.config, [(row.codec, points[id(row)]) for row in rows])
    profile = Profile(judge.caution, chosen.codec, chosen.config, measured, ways)
    units = ("content: share of reading's effect", "identity drift: own view said back [m/s]")
    return Result(profile, bands, others, picked, text, points[id(rows[-1])], *units, floor=0.0)


def frontier(picked: LacoConfig, measured: Sequence[tuple[str, Point]]) -> tuple[Way, ...]:
    """The ladder of the codec "auto": what no smaller message matches in content, the best first.

    measured: codecs and points; of these only such as differ from what was picked in nothing but tokens and layers.
    """
    best, found = -math.inf, []
    for codec, point in sorted(measured, key=lambda pair: (pair[1].nbytes, -pair[1].content)):
        config = point.config
        alike = replace(config, keep=picked.keep, layers=picked.layers, depth=picked.depth) == picked
        if alike and config.layers is not None and point.content > best:
            best = point.content
            found.append(Way(codec, config.keep, config.layers))
    return tuple(reversed(found))


def _measured(
    model: str, fingerprint: str, how: str, pairs: int, picked: Point, text: Point, controls: dict[str, float]
) -> Measured:
    return Measured(
        model=Path(model).name,
        fingerprint=fingerprint,
        how=how,
        pairs=pairs,
        content=round(picked.content, 4),
        drift=round(picked.drift, 5),
        bytes=round(picked.nbytes, 1),
        text_content=round(text.content, 4),
        text_drift=round(text.drift, 5),
        controls={name: round(value, 4) for name, value in controls.items()},
    )

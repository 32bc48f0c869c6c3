"""An evaluator's `ego_vehicle_N/results.json`: who came how far, and whether that is all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laco.scenarios.routes.records import LISTS
from laco.scenarios.routes.scores import Score, joint

CRASHED = ("crashed", "set up", "invalid")  # in the status of a record, or of an entry


@dataclass(frozen=True)
class Ego:
    """One vehicle's results. records: one per route that was driven. damage: why its file cannot be read."""

    idx: int
    records: tuple[Mapping[str, Any], ...]
    damage: str = ""


def read(checkpoint: Path, egos: int) -> list[Ego]:
    """All vehicles' results, empty where there are none."""
    return [_read(checkpoint.parent / f"ego_vehicle_{idx}" / checkpoint.name, idx) for idx in range(egos)]


def _read(path: Path, idx: int) -> Ego:
    try:
        records = json.loads(path.read_bytes())["_checkpoint"]["records"]
        for record in records:
            score(record)
    except FileNotFoundError:
        return Ego(idx, ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Ego(idx, (), f"{path} cannot be read: {type(error).__name__}: {error}")
    return Ego(idx, tuple(records))


def score(record: Mapping[str, Any]) -> Score:
    """Of one route. Raises: KeyError, TypeError, ValueError for what is no record."""
    scores, meta = record["scores"], record["meta"]
    return Score(float(scores["score_route"]), float(scores["score_penalty"]), float(meta.get("duration_game", 0.0)))


def crashed(record: Mapping[str, Any]) -> bool:
    """Whether software failed rather than a vehicle."""
    return any(word in str(record.get("status", "")) for word in CRASHED)


def infractions(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many of each kind, in the evaluators' words."""
    found: dict[str, int] = {}
    for record in records:
        for name, events in record.get("infractions", {}).items():
            found[name] = found.get(name, 0) + len(events)
    return found


def together(records: Sequence[Mapping[str, Any]]) -> Score:
    """InterDrive's score of one route, from each vehicle's record; the first one's lights and signs do not count."""
    lists = records[0].get("infractions", {})
    counts = {kind: len(lists.get(LISTS[kind], ())) for kind in ("red_light", "stop")}
    return joint([score(record) for record in records], counts)


def by_route(egos: Sequence[Ego], names: Sequence[str]) -> list[dict[str, Any]]:
    """A result per route that somebody drove, as `laco.scenarios.routes.totals.summary` reads them.

    names: of the routes, in the order of the records; with repetitions they begin anew.
    """
    found = []
    for index in range(max((len(ego.records) for ego in egos), default=0)):
        records = [ego.records[index] for ego in egos if index < len(ego.records)]
        score_of_all = together(records)
        found.append(
            {
                "route": names[index % len(names)],
                "records": records,
                "interdrive": {
                    "score_route": score_of_all.completion,
                    "score_penalty": score_of_all.penalty,
                    "score_composed": score_of_all.driving,
                    "success": score_of_all.success,
                    "duration_game": score_of_all.time,
                },
            }
        )
    return found

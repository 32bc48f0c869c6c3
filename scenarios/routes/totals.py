"""Results of many routes become two tables: LangCoop's, vehicle by vehicle, and InterDrive's, route by route."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from laco.scenarios.routes.scores import GROUPS, Score, Total, kind_of

Result = Mapping[str, Any]
"""A route's `result.json`."""


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """All figures of one channel, over its routes."""
    return {"langcoop": _langcoop(results), "interdrive": _interdrive(results)}


def _langcoop(results: Sequence[Result]) -> dict[str, Any]:
    """The mean over routes of each vehicle, and over all routes and vehicles."""
    scores = [[_score(record["scores"], record["meta"]) for record in result["records"]] for result in results]
    most = max(len(row) for row in scores)
    by_vehicle = [[row[i] for row in scores if i < len(row)] for i in range(most)]
    return {
        "vehicles": [_total(column) for column in by_vehicle],
        "all": _total([score for row in scores for score in row]),
    }


def _interdrive(results: Sequence[Result]) -> dict[str, Any]:
    scores = {result["route"]: _score(result["interdrive"], result["interdrive"]) for result in results}
    kinds: dict[str, list[Score]] = {}
    for route, score in scores.items():
        kinds.setdefault(kind_of(route), []).append(score)
    groups = {name: _of_group(kinds, members) for name, members in GROUPS.items()}
    return {
        "all": _total(list(scores.values())),
        "kinds": {name: _total(found) for name, found in sorted(kinds.items()) if name},
        "groups": {name: _total(found) for name, found in groups.items() if found},
    }


def _of_group(kinds: Mapping[str, list[Score]], members: Iterable[str]) -> list[Score]:
    return [score for kind in members for score in kinds.get(kind, [])]


def _score(scores: Mapping[str, float], meta: Mapping[str, float]) -> Score:
    return Score(scores["score_route"], scores["score_penalty"], meta["duration_game"])


def _total(scores: Sequence[Score]) -> dict[str, float]:
    return asdict(Total.of(scores))

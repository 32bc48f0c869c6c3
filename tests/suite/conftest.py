"""A small suite, and rows as a run would leave them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from laco.scenarios.suite import engine
from laco.scenarios.suite.answer import Answer
from laco.scenarios.suite.grid import Job
from laco.scenarios.suite.spec import Setting, Suite
from laco.scenarios.suite.store import Row

LACO = {"steps": 1, "keep": 0.5, "layers": [0, 1], "realign": "identity"}
SCENARIO = "occluded-crossing-v1"


@pytest.fixture(scope="session")
def small(weights: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a suite of ten runs on the tiny driver."""
    from laco.scenarios.suite.spec import dump

    settings = (
        Setting(name="silent", channel="silent", weights=weights, laco=LACO),
        Setting(name="latent", weights=weights, laco=LACO),
    )
    path = tmp_path_factory.mktemp("suite") / "small.yaml"
    suite = Suite(scenarios=("occluded-crossing",), settings=settings, seeds="1001-1005", twins="hazard")
    path.write_bytes(dump(suite))
    return path


RowOf = Callable[..., Row]


@pytest.fixture
def row_of() -> RowOf:
    """A row of a job with one vehicle's scores."""

    def make(job: Job, timely: float, outcome: str = "finished", **more: Any) -> Row:
        ego = {
            "status": "completed",
            "driving_score": timely,
            "timely_driving_score": timely,
            "route_completion": 100.0,
            "infraction_penalty": 1.0,
            "collisions": 0,
            "time_s": 10.0,
            **more,
        }
        messages = {
            "count": 10,
            "air_bytes": {"total": 1000},
            "delivery": {"deliveries": 10, "messages_delivered": 0.5},
        }
        figures = {"egos": {"A": ego}, "fleet": ego, "messages": messages, "foreign_tokens": 40, "decisions": 20}
        measured = {"wall_s": 2.0, "cpu_s": 1.0, "cold": False}
        return engine.row_of(job, Answer(outcome=outcome, figures=figures, measured=measured))

    return make

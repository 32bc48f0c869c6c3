"""All starts of one channel, added up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from laco.langcoop import messages
from laco.langcoop.evaluation import Evaluation
from laco.langcoop.outcome import FINISHED, Outcome
from laco.langcoop.records import Ego, by_route, infractions, score
from laco.scenarios.routes.scores import Total
from laco.scenarios.routes.totals import summary


@dataclass(frozen=True)
class Run:
    """One start of the evaluator, as it went. lines: the client's log. damaged: lines of it that cannot be read."""

    evaluation: Evaluation
    outcome: Outcome
    egos: Sequence[Ego]
    lines: Sequence[messages.Line]
    damaged: int = 0

    @property
    def names(self) -> list[str]:
        """Of the routes, in the order of the records: a folder has one route."""
        return [task.id for task in self.evaluation.routes.tasks]

    @property
    def results(self) -> list[dict[str, Any]]:
        """A result per route."""
        return by_route(self.egos, self.names) if any(ego.records for ego in self.egos) else []

    @property
    def simulated(self) -> float:
        """[s] that somebody drove: of each route the longest of all vehicles'."""
        return sum(max(score(record).time for record in result["records"]) for result in self.results)


def of_channel(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything about one channel; at least one run. A run may have fewer egos than another."""
    results = [result for run in runs for result in run.results]
    scores = summary(results) if results else {"langcoop": {"all": None}, "interdrive": None}
    count = max(len(run.egos) for run in runs)
    egos = [_ego(runs, idx) for idx in range(count)]
    expected = sum(run.evaluation.expected for run in runs)
    lines = [line for run in runs for line in run.lines]
    simulated = sum(run.simulated for run in runs)
    return {
        "outcome": next((run.outcome.word for run in runs if run.outcome.word != FINISHED), FINISHED),
        "routes": f"{sum(min(len(ego.records) for ego in run.egos) for run in runs)}/{expected}",
        "scores": scores["langcoop"],
        "interdrive": scores["interdrive"],
        "infractions": infractions([record for run in runs for ego in run.egos for record in ego.records]),
        "egos": egos,
        "messages": {
            "all": messages.figures(lines, simulated),
            "egos": {str(idx): _spoken(runs, idx) for idx in range(count)},
            "damaged_lines": sum(run.damaged for run in runs),
        },
        "runs": [_told(run) for run in runs],
    }


def _ego(runs: Sequence[Run], idx: int) -> dict[str, Any]:
    records = _records(runs, idx)
    total = asdict(Total.of([score(record) for record in records])) if records else None
    expected = sum(run.evaluation.expected for run in runs if idx < len(run.egos))
    statuses = [str(record.get("status")) for record in records]
    return {
        "idx": idx,
        "records": len(records),
        "routes": f"{len(records)}/{expected}",
        "scores": total,
        "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
        "infractions": infractions(records),
    }


def _records(runs: Sequence[Run], idx: int) -> list[Mapping[str, Any]]:
    return [record for run in runs for record in (run.egos[idx].records if idx < len(run.egos) else ())]


def _spoken(runs: Sequence[Run], idx: int) -> dict[str, Any]:
    lines = [line for run in runs for line in run.lines if line["idx"] == idx]
    return messages.figures(lines, sum(score(record).time for record in _records(runs, idx)))


def _told(run: Run) -> dict[str, Any]:
    return {
        "routes": run.evaluation.routes.name,
        "folder": str(run.evaluation.folder),
        **asdict(run.outcome),
        "results": run.results,
    }

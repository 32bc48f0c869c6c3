"""Where a decision's time goes: the stages of a message, from its sender's thinking to its listener's plan."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from laco.errors import ConfigError
from laco.profiling.ledger import Line
from laco.profiling.radio import delivery

THINK = ("deliberate", "embed")  # whichever the channel has
PREPARE = ("share", "encode", "publish")
HEAR = ("receive", "decode", "infer")
SILENT = "silent"
RESULT = "result.json"
Stage = tuple[str, dict[str, float], bool]  # name, count, p50, p90, p99 and max [ms], whether on the simulation clock


def read(folder: Path) -> dict[str, Any]:
    """A run's `result.json`. Raises: ConfigError where it is none."""
    try:
        found: Any = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder} is no folder of a run: {RESULT} cannot be read: {error}") from error
    runs = found.get("channels") if isinstance(found, dict) else None
    if not isinstance(runs, dict) or not all(isinstance(run, dict) and "latency_ms" in run for run in runs.values()):
        raise ConfigError(f"{folder / RESULT} is not what `laco run` writes")
    return dict(found)


def stages(latency_ms: Mapping[str, Any], lines: Sequence[Line]) -> list[Stage]:
    """The stages that a channel's messages and decisions went through, in their order.

    latency_ms: of the run. lines: the channel's own messages. Waiting for the air and being on it is simulated time,
    the rest is of the wall clock.
    """
    said = delivery(lines)
    queue, air = (_milli(said[key]) for key in ("queue_s", "air_latency_s"))
    if queue["count"]:  # the queue is a part of the air's latency
        parts = [("queue", queue, True), ("air", _milli(said["airtime_s"]), True)]
    else:
        parts = [("queue + air", air, True)] if air["count"] else []
    timed: list[Stage] = [(name, dict(latency_ms[name]), False) for name in _order() if latency_ms.get(name)]
    after = sum(name in (*THINK, *PREPARE) for name, *_ in timed)
    return [*timed[:after], *parts, *timed[after:]]


def attach_ms(runs: Mapping[str, Mapping[str, Any]], channel: str) -> float | None:
    """How much longer a channel's `infer` takes than that of `silent` in the same folder, by the medians [ms]."""
    spans = [runs.get(name, {}).get("latency_ms", {}).get("infer") for name in (channel, SILENT)]
    if channel == SILENT or any(not found or not found.get("count") for found in spans):
        return None
    return float(spans[0]["p50"] - spans[1]["p50"])


def profile(result: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """All channels of a run's folder, ready for JSON."""
    runs = result["channels"]
    found = {}
    for name, run in runs.items():
        own = [line for line in lines if (line.channel, line.kind) == (name, name)]
        table = [{"stage": stage, **ms, "simulated": sim} for stage, ms, sim in stages(run["latency_ms"], own)]
        phases = {key: ms for key, ms in run["latency_ms"].items() if key.startswith("phase")}
        found[name] = {"stages": table, "phases_ms": phases, "attach_ms": attach_ms(runs, name)}
    return found


def _order() -> tuple[str, ...]:
    return (*THINK, *PREPARE, *HEAR)


def _milli(found: Mapping[str, float]) -> dict[str, float]:
    """Quantiles in milliseconds of those in seconds."""
    return {key: value if key == "count" else 1e3 * value for key, value in found.items()}

"""The radio's figures of several runs, or of a synthetic load, with what their plots need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from laco.comm.radio import RadioSpec
from laco.profiling.ledger import Line, channels
from laco.profiling.links import ceiling, of_result
from laco.profiling.load import Load
from laco.profiling.radio import ages, medium, traffic


@dataclass
class Radio:
    """Figures by channel, and what their plots need: samples of ages [s], and the load [bit/s] second by second."""

    radio: RadioSpec
    figures: dict[str, Any] = field(default_factory=dict)
    ages: dict[str, list[float]] = field(default_factory=dict)
    load: list[float] = field(default_factory=list)
    heaviest: str = ""  # the run whose load that is

    def add(
        self,
        name: str,
        lines: Sequence[Line],
        kinds: Mapping[str, str],
        seconds: float,
        known: Any = None,
        busy: Mapping[str, float] | None = None,
    ) -> None:
        """Take in one run. kinds: title of each kind of message. known: the medium's figures, if there are any.

        busy: share of the time, by vehicle, if the air counted it.
        """
        of_kind = {title: [line for line in lines if line.kind == kind] for kind, title in kinds.items()}
        told = {title: traffic(found, seconds) for title, found in of_kind.items()}
        self.figures[name] = {**told, "medium": known or medium(lines, seconds, ceiling(self.radio), busy)}
        self.ages |= {f"{name} {title}": found for title, own in of_kind.items() if (found := ages(own))}
        per_second = np.zeros(max(1, int(np.ceil(seconds))))
        for line in lines:
            per_second[min(len(per_second) - 1, int(line.spoken_at_s))] += 8 * line.air_bytes.total
        if sum(self.load) < per_second.sum():  # of several channels the heaviest
            self.load, self.heaviest = per_second.tolist(), name

    def plain(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"radio": msgspec.to_builtins(self.radio), "runs": self.figures}


def of_load(lines: Sequence[Line], load: Load, busy: Mapping[str, float]) -> Radio:
    """Figures of a synthetic load."""
    found = Radio(load.radio)
    found.add("load", lines, {"load": "messages"}, load.seconds, busy=busy)
    return found


def of_folder(result: Mapping[str, Any], lines: Sequence[Line]) -> Radio:
    """Figures of every channel of a run's folder."""
    found = Radio(of_result(result.get("options", {})))
    for name in channels(lines):
        own = [line for line in lines if line.channel == name]
        run = result["channels"][name]
        seconds = max(float(ego["time_s"]) for ego in run["egos"].values())
        found.add(name, own, {name: "messages", "beacon": "beacons"}, seconds, run.get("medium"))
    return found

"""The planner's part of a planner YAML, checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import Any

from laco_langcoop.errors import LacoError

CHANNELS = ("silent", "observation", "language", "visual", "latent")
NAME = re.compile(r"ego(0|[1-9][0-9]*)$")
ENDPOINT = re.compile(r"tcp://[^\s/*]+:([0-9]{1,5})$")
UPSTREAM = "api_"  # begins what LangCoop's own planner YAMLs say of their models; ours has none


@dataclass(frozen=True)
class Settings:
    """endpoints: server of each vehicle that LACO drives (`ego0`, ...); deadline: wall clock for a plan [s]; wait: of
    servers for their peers [s]; limit: the fastest a vehicle may go [m/s]; run: a name for the runs; log: a file for
    one JSON line per decision; charge: None, `frozen`, `measured` or milliseconds; objects: None, or `truth` for the
    simulator's own; steering: `auto`, or `plain` to leave curvatures as they come (`steering`).
    """

    endpoints: dict[str, str] = field(default_factory=dict)
    name: str = "laco"
    channel: str = "latent"
    deadline: float = 10.0
    wait: float = 5.0
    radio: str = "ideal"
    seed: int = 0
    limit: float = 8.0
    run: str | None = None
    log: str | None = None
    charge: str | float | None = None
    objects: str | None = None
    steering: str = "auto"

    @classmethod
    def read(cls, given: dict[str, Any]) -> Settings:
        """From the map of a planner YAML's `model` (without `type`)."""
        known = {entry.name for entry in fields(cls)}
        ours = {name: value for name, value in given.items() if not name.startswith(UPSTREAM)}
        unknown = sorted(set(ours) - known)
        if unknown:
            names = ", ".join(sorted(known))
            raise LacoError("planner YAML: unknown {}; known are {}".format(", ".join(unknown), names))
        settings = cls(**ours)
        settings._check()
        return settings

    def _check(self) -> None:
        if not isinstance(self.endpoints, dict) or not self.endpoints:
            raise LacoError("planner YAML: endpoints names the server of each vehicle, like ego0: tcp://127.0.0.1:7400")
        for vehicle, endpoint in self.endpoints.items():
            if not NAME.match(str(vehicle)) or not reachable(str(endpoint)):
                raise LacoError(f"planner YAML: {vehicle}: {endpoint} is not like ego0: tcp://127.0.0.1:7400")
        if self.channel not in CHANNELS:
            raise LacoError("planner YAML: channel is one of {}, not {}".format(", ".join(CHANNELS), self.channel))
        for name in ("deadline", "wait", "limit"):
            if not _number(getattr(self, name)) or getattr(self, name) <= 0:
                raise LacoError(f"planner YAML: {name} is a positive number, not {getattr(self, name)!r}")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise LacoError(f"planner YAML: seed is a whole number, not {self.seed!r}")
        if not isinstance(self.radio, str):
            raise LacoError(f"planner YAML: radio is a preset's name, not {self.radio!r}")
        if self.log is not None and not isinstance(self.log, str):
            raise LacoError(f"planner YAML: log is null or a file, not {self.log!r}")
        charge = self.charge
        if charge not in (None, "frozen", "measured") and not (_number(charge) and float(charge or 0) >= 0):
            raise LacoError(f"planner YAML: charge is null, frozen, measured or milliseconds, not {charge!r}")
        if self.objects not in (None, "truth"):
            raise LacoError(f"planner YAML: objects is null or truth, not {self.objects!r}")
        if self.steering not in ("auto", "plain"):
            raise LacoError(f"planner YAML: steering is auto or plain, not {self.steering!r}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def reachable(endpoint: str) -> bool:
    """Whether this is the way to a server: tcp://HOST:PORT."""
    found = ENDPOINT.match(endpoint)
    return found is not None and 0 < int(found.group(1)) < 1 << 16


def vehicle(idx: int) -> str:
    """Name of an ego."""
    return f"ego{idx}"

"""The vehicles that LACO drives in one process: all observe at once, each gets a plan, whatever its server does."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from laco_langcoop import plans
from laco_langcoop.client import Answer, Client
from laco_langcoop.journal import Journal, said, told
from laco_langcoop.line import Map
from laco_langcoop.plans import Plan
from laco_langcoop.settings import Settings

VERSION = 1  # of the wire
LINK = 5.0  # [s] of wall clock for links to servers that are said to be there
_log = logging.getLogger(__name__)


class Decision(NamedTuple):
    """status: `planned`, `failed` (none from the model; this one brakes), `held` or `braked`; said: bytes on the air.

    seconds: what it may be charged with, the server's own count or else the wall clock that passed.
    """

    plan: Plan
    status: str
    reason: str
    seconds: float
    said: int


class Fleet:
    """From `begin` to `end` of a run. Every moment: `observe` for all, then `decide` for each that observed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.journal = Journal(settings.log)
        self._clients: dict[str, Client] = {}
        self._last: dict[str, Plan] = {}
        self._status: dict[str, str] = {}
        self._welcomes: dict[str, Map] = {}
        self._run = ""
        self._moment = self._asked = -1
        self._time = 0.0
        self._sent: dict[str, tuple[int, float]] = {}
        self._until = 0.0

    def begin(self, run: str, vehicles: list[str], period: float, prompts: Map | None) -> None:
        """Say hello for these vehicles. A server that is not there yet is waited for a little.

        period: simulated time between two moments [s]; prompts: the agent YAML's, for the channel `language`.
        """
        self.end()
        self._run, self._last, self._status, self._asked = run, {}, {}, -1
        s = self.settings
        terms: Map = {"version": VERSION, "run": run, "fleet": dict(s.endpoints), "channel": s.channel,
                      "period": period, "wait": float(s.wait), "radio": s.radio, "seed": s.seed,
                      "prompts": prompts}  # fmt: skip
        self._clients = {name: Client(name, s.endpoints[name]) for name in vehicles if name in s.endpoints}
        for client in self._clients.values():
            client.hello(terms)
        until = time.monotonic() + min(s.deadline, LINK)
        for name, client in self._clients.items():
            if not client.linked(until):
                _log.warning("LACO: %s: no server at %s; it brakes until there is one", name, client.line.endpoint)

    def observe(self, moment: int, now: float, views: dict[str, Map], present: list[str]) -> None:
        """Send what each vehicle sees (fields of the wire's `observe`) at simulated time `now` [s]; waits for nothing.

        present: names of all vehicles that observe at this moment, from whatever process.
        """
        self._moment, self._time, self._sent = moment, now, {}
        for name, view in views.items():
            began = time.monotonic()
            size = self._clients[name].observe(moment, {"present": present, "time": now, **view})
            self._sent[name] = (size, began)

    def decide(self, name: str) -> Decision:
        """The plan of one vehicle that observed. The deadline is one for all vehicles of a moment."""
        self._ask()
        client = self._clients[name]
        start = time.monotonic()
        patience = min(self._until, start + client.patience(self.settings.deadline))
        answer = client.answer(max(patience, start))
        size, sent = self._sent[name]
        passed = time.monotonic() - sent
        decision = self._judge(name, answer, passed)
        self._tell(name, decision, answer, size, passed)
        self._greet(name, client)
        return decision

    def end(self) -> None:
        """Say bye."""
        for client in self._clients.values():
            client.bye()
        self._clients = {}

    def _ask(self) -> None:
        if self._asked != self._moment:
            self._asked = self._moment
            self._until = time.monotonic() + self.settings.deadline
            for name in self._sent:
                self._clients[name].ask(self._moment)

    def _greet(self, name: str, client: Client) -> None:
        """Say once for each hello whom a vehicle begins with."""
        welcome = client.welcome
        if welcome is not None and self._welcomes.get(name) is not welcome:
            self._welcomes[name] = welcome
            missing = ", ".join(map(str, welcome.get("missing") or [])) or "nobody"
            level = logging.INFO if missing == "nobody" else logging.WARNING
            text = "LACO: %s: model %s, channel %s, without %s"
            _log.log(level, text, name, welcome.get("model"), self.settings.channel, missing)

    def _judge(self, name: str, answer: Answer, passed: float) -> Decision:
        found, reason = answer
        if found is not None:
            try:
                plan = plans.read(found, self._time, float(self.settings.limit), self.settings.steering == "plain")
            except ValueError as error:
                reason = f"{self.settings.endpoints[name]}: {error}"
            else:
                part = "total" if name in self._last else "think"  # before the first, servers have to find each other
                self._last[name] = plan
                status = "failed" if plan.failed else "planned"
                return Decision(plan, status, "", _seconds(found, part, passed), said(found))
        plan, status = plans.instead(self._last.get(name), self._time)
        return Decision(plan, status, reason, passed, 0)

    def _tell(self, name: str, decision: Decision, answer: Answer, size: int, passed: float) -> None:
        told_as = decision.status + decision.reason
        if told_as != self._status.get(name, "planned"):
            self._status[name] = told_as
            level = logging.INFO if decision.status == "planned" else logging.WARNING
            _log.log(level, "LACO: %s at %.2f s: %s %s", name, self._time, decision.status, decision.reason)
        self.journal.write(
            run=self._run, moment=self._moment, time=self._time, idx=int(name[3:]), vehicle=name,
            status=decision.status, reason=decision.reason, observed=size, round_trip=passed, said=decision.said,
            **told(answer.plan or {}),
        )  # fmt: skip


def _seconds(answer: Map, part: str, passed: float) -> float:
    """[s] that a part took as the server counted; what passed here if it did not, or claims more than that."""
    seconds = answer.get("seconds")
    found = seconds.get(part) if isinstance(seconds, dict) else None
    return min(float(found), passed) if isinstance(found, (int, float)) and found >= 0.0 else passed

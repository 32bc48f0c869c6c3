"""The conversation of one vehicle with its server: hello, observe, decide, bye.

A server may be slow, dead, started anew, or answer nonsense: none of that raises. What comes of it is a reason, and a
patience that shrinks while nothing at all is heard.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from laco_langcoop.line import Line, Map

LEAST = 0.2  # [s] of patience with a server that has not been heard for long


class Answer(NamedTuple):
    """What `decide` brought: the map of the plan, or why there is none."""

    plan: Map | None
    reason: str = ""


class Client:
    """One vehicle's end. Nothing waits but `linked`, `answer` and `ping`, and not past `until` [s, monotonic].

    misses: decisions since the server was last heard; welcome: its answer to hello, None until that has come.
    """

    def __init__(self, vehicle: str, endpoint: str) -> None:
        self.vehicle = vehicle
        self.line = Line(endpoint)
        self.misses = 0
        self.welcome: Map | None = None
        self._terms: Map = {}
        self._greeted = 0  # the link on which hello was said
        self._number = 0
        self._hello = 0
        self._observed = 0
        self._decided = 0
        self._moment = -1
        self._trouble = ""  # with this moment
        self._refusal = ""  # of the run

    def hello(self, terms: Map) -> None:
        """A run begins: said as soon as there is a link, and again to a server that is started anew."""
        self._terms, self._greeted, self.misses = dict(terms), 0, 0
        self._greet()

    def linked(self, until: float) -> bool:
        """Wait for a link to the server. Its welcome is not waited for: it comes when the server knows its peers, which
        may be about to say hello by way of this very process, and before the first plan.
        """
        while not self.line.linked:
            if self.line.receive(until) is None:
                return False
        self._greet()
        return True

    def observe(self, moment: int, view: Map) -> int:
        """Say what the vehicle sees, without waiting; bytes sent, 0 if there is no link."""
        self._trouble = ""
        self._greet()
        size = self._send("observe", moment=moment, run=self._terms.get("run"), **view)
        self._observed = self._number if size else 0
        return size

    def ask(self, moment: int) -> None:
        """Ask for the plan of a moment, without waiting."""
        self._drain()
        self._moment = moment
        size = self._send("decide", run=self._terms.get("run"), moment=moment)
        self._decided = self._number if size and self._observed else 0

    def answer(self, until: float) -> Answer:
        """The plan that was asked for."""
        link = self.line.links
        while True:
            if self._refusal or self._trouble:
                return Answer(None, self._refusal or self._trouble)
            if not self._decided or not self.line.linked:
                return Answer(None, f"no server reads at {self.line.endpoint}")
            if self.line.links != link or self._greeted != link:
                self._greet()
                return Answer(None, f"the server at {self.line.endpoint} was started anew")
            found = self.line.receive(until)
            if found is None:
                self.misses = min(self.misses + 1, 20)
                return Answer(None, f"no answer from {self.line.endpoint} in time")
            self._note(found)
            if found.get("type") == "plan" and found.get("id") == self._decided and found.get("moment") == self._moment:
                return Answer(found)

    def patience(self, deadline: float) -> float:
        """[s] to wait for the next plan: less and less while the server is not heard, all of it once it is."""
        return max(min(deadline, LEAST), deadline / 4.0**self.misses)

    def ping(self, until: float) -> Answer:
        sent = 0
        while True:
            sent = sent or (self._send("ping") and self._number)
            found = self.line.receive(until)
            if found is None:
                return Answer(None, "no answer" if sent else "no server")
            if found.get("type") == "pong" and found.get("id") == sent:
                return Answer(found)

    def bye(self) -> None:
        """The run is over."""
        if self._terms and self._greeted:
            self._send("bye", run=self._terms.get("run"))
        self._terms, self._greeted = {}, 0
        self.line.close(linger=0.2)

    def _greet(self) -> None:
        self.line.follow()
        due = self._terms and self.line.linked and self._greeted != self.line.links
        if due and self._send("hello", **self._terms):
            self._greeted, self._hello = self.line.links, self._number
            self.welcome, self._refusal = None, ""

    def _send(self, kind: str, **content: Any) -> int:
        self._number += 1
        return self.line.send({"type": kind, "id": self._number, "vehicle": self.vehicle, **content})

    def _drain(self) -> None:
        """Take in what came since: answers to what was asked before mean that the server lives."""
        while True:
            found = self.line.receive(time.monotonic())
            if found is None:
                return
            self._note(found)

    def _note(self, found: Map) -> None:
        if not found:
            return
        self.misses = 0
        kind, number = found.get("type"), found.get("id")
        if kind == "welcome" and number == self._hello:
            self.welcome = found
        elif kind == "error" and number == self._hello:
            self._refusal = _reason(found)
        elif kind == "error" and number in (self._observed, self._decided):
            self._trouble = _reason(found)


def _reason(found: Map) -> str:
    return "the server says: {}".format(" ".join(str(found.get("reason", "")).split())[:300])

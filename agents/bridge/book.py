"""What the vehicles of a run announced: rolls by moment, phase and sender."""

import logging
from collections.abc import Collection

import msgspec

from laco.agents.bridge.wire import Roll

KEPT = 64  # moments
log = logging.getLogger(__name__)


class Book:
    """The rolls of one run, and the number that each vehicle's next message has at least."""

    def __init__(self, fleet: Collection[str]) -> None:
        self._fleet = frozenset(fleet)
        self._rolls: dict[int, dict[str, dict[str, Roll]]] = {}
        self.expects: dict[str, int] = {}

    def add(self, roll: Roll, now: int) -> bool:
        """Takes a roll in; False if it is a stranger's, or of a moment too far from `now`, our own.

        Before we have one (-1), the newest are kept.
        """
        if roll.sender not in self._fleet or any(m.addressee not in ("", *self._fleet) for m in roll.manifests):
            return False
        there = self._rolls.setdefault(roll.moment, {}).setdefault(roll.phase, {})
        if roll.sender not in there:
            there[roll.sender] = self._sound(roll)
        if len(self._rolls) > KEPT:
            del self._rolls[max(self._rolls, key=lambda moment: abs(moment - now) if now >= 0 else -moment)]
        return roll.moment in self._rolls

    def at(self, moment: int, phase: str) -> dict[str, Roll]:
        """By sender."""
        return self._rolls.get(moment, {}).get(phase, {})

    def newest(self, sender: str) -> dict[str, int]:
        """By phase the newest moment of which there is a roll of this vehicle."""
        found: dict[str, int] = {}
        for moment, phases in self._rolls.items():
            for phase in (phase for phase, there in phases.items() if sender in there):
                found[phase] = max(moment, found.get(phase, 0))
        return found

    def drop(self, before: int) -> None:
        """Forgets moments that nobody here comes back to."""
        for moment in [moment for moment in self._rolls if moment < before]:
            del self._rolls[moment]

    def _sound(self, roll: Roll) -> Roll:
        """The roll without messages whose numbers have been: a vehicle that began anew does not know yet."""
        fresh = []
        for manifest in sorted(roll.manifests, key=lambda m: m.seq):
            if manifest.seq >= self.expects.get(roll.sender, 0):
                self.expects[roll.sender] = manifest.seq + 1
                fresh.append(manifest)
        if len(fresh) < len(roll.manifests):
            log.info("run %s: %s used numbers of messages again", roll.run, roll.sender)
        return msgspec.structs.replace(roll, manifests=tuple(fresh))

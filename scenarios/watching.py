"""A run that a person watches: at the pace of real time, and with what the vehicles say shown on the page."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from laco.agents.drivers.plan import Plan
from laco.agents.messages import Receipt
from laco.agents.observation import Observation
from laco.scenarios.pilots import Connected
from laco.scenarios.runner import Progress
from laco.scenarios.stage import TICK


class Viewer(Protocol):
    """Where messages are shown, such as a `ViewProcess`."""

    def entitle(self, title: str) -> None:
        """Say what is going on."""
        ...

    def tell(self, told: Sequence[dict[str, object]]) -> None:
        """Show messages between actors."""
        ...


@dataclass
class RealTime:
    """A progress callback that holds each tick back until it is due: one second of the world takes one second."""

    inner: Progress | None = None
    _due: float = field(default=0.0, init=False)

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        self._due = max(self._due + TICK, now)  # late: go on from here, do not catch up
        time.sleep(self._due - now)
        if self.inner is not None:
            self.inner(share)


@dataclass
class Shown:
    """Connected vehicles whose messages a viewer shows. ids: actors' by vehicles' names."""

    pilot: Connected
    viewer: Viewer
    ids: Mapping[str, int]

    @property
    def wait(self) -> float:
        """From the last decision to when its plans take effect [s]."""
        return self.pilot.wait

    def decide(self, time: float, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        log = self.pilot.messages
        said, heard = len(log.sent), len(log.receipts)
        plans = self.pilot.decide(time, views)
        fresh = [sent.manifest for sent in log.sent[said:]]
        sizes = {(m.sender, m.seq): sum(m.chunk_sizes) for m in fresh}
        self.viewer.tell([self._told(receipt, sizes) for receipt in log.receipts[heard:]])
        return plans

    def _told(self, receipt: Receipt, sizes: Mapping[tuple[str, int], int]) -> dict[str, object]:
        return {
            "sender": self.ids[receipt.sender],
            "listener": self.ids[receipt.listener],
            "kind": receipt.kind,
            "bytes": sizes.get((receipt.sender, receipt.seq), 0),
            "used": receipt.status == "used",
        }

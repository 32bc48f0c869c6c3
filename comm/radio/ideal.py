"""`ideal`: everything arrives, whole, the moment it is ready. For debugging, and as an upper bound."""

from collections.abc import Sequence

from laco.comm.radio.base import Fate, Offer, Positions, Radio


class Ideal(Radio):
    """No loss, no delay, no limit."""

    name = "ideal"

    def carry(self, t: float, offers: Sequence[Offer], positions: Positions) -> list[Fate]:
        return [
            Fate(m.sender, listener, m.seq, m.kind, (True,) * len(m.chunk_sizes), m.ready_at)
            for m, listener in offers
        ]

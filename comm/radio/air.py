"""`Air`: one deterministic, stateful object that decides which transmission arrives where and when.

It sees every transmission of every vehicle, so that a preset can model contention, backlog and bursts.
"""

from collections.abc import Iterable, Mapping

from laco.comm.radio.base import Fate, Manifest, Positions, Radio
from laco.comm.radio.presets import find
from laco.errors import ConfigError


class Air:
    """The air between the vehicles of one run, on the simulation clock."""

    def __init__(self, radio: str = "ideal", seed: int = 0) -> None:
        """radio: name of a preset; seed: of every draw. Raises ConfigError for an unknown preset."""
        self.radio = radio
        self.seed = seed
        self._preset: Radio = find(radio)(seed)
        self._now = float("-inf")

    def step(self, t: float, manifests: Iterable[Manifest], positions: Positions) -> list[Fate]:
        """The fates of what was spoken since the last step, ordered by sender, number and listener.

        t: simulation time [s], never before that of the last step.
        positions: x, y of every vehicle [m]; a broadcast has one fate per other vehicle among them, an
            addressed message one in all, lost where its addressee is not among them.
        Raises ConfigError when the time goes back.
        """
        if not t >= self._now:
            raise ConfigError(f"the air is at {self._now} s, not before {t} s; reset it between runs")
        self._now = t
        # Not the order in which hosts happened to answer decides, but the names.
        ordered = sorted(manifests, key=lambda m: (m.spoken_at, m.sender, m.seq))
        offers = [(manifest, name) for manifest in ordered for name in _listeners(manifest, positions)]
        present = [offer for offer in offers if offer[1] in positions]
        absent = [lost(manifest, name) for manifest, name in offers if name not in positions]
        fates = [*self._preset.carry(t, present, positions), *absent]
        return sorted(fates, key=lambda fate: (fate.sender, fate.seq, fate.listener))

    def reset(self) -> None:
        """As new: the same seed gives the same fates again."""
        self._preset = find(self.radio)(self.seed)
        self._now = float("-inf")


def lost(manifest: Manifest, listener: str) -> Fate:
    """The fate of a message of which nothing arrives."""
    chunks = len(manifest.chunk_sizes)
    return Fate(manifest.sender, listener, manifest.seq, manifest.kind, (False,) * chunks, float("inf"))


def _listeners(manifest: Manifest, positions: Mapping[str, tuple[float, float]]) -> list[str]:
    if manifest.addressee:
        return [manifest.addressee]
    return sorted(name for name in positions if name != manifest.sender)

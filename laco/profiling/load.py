"""A synthetic load on the model of the air: so many vehicles, so many bytes, so often. No simulator, no model.

All vehicles stand on a circle and broadcast at the same moments, every period, as decisions do. Listeners follow the
agent's rules: of each peer the newest message that is deliverable within the window and young enough.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from laco.comm.radio import Air, Fate, Manifest, RadioSpec
from laco.errors import ConfigError
from laco.profiling.ledger import PENDING, Heard, Line, Split
from laco.profiling.links import BUDGET

KIND = "load"
MAX_AGE = 0.5  # [s] or one period if that is longer
MOMENT = 1e-6  # [s] what sums of periods may be off by


@dataclass(frozen=True, kw_only=True)
class Load:
    """vehicles; size: a message [air bytes]; hz: messages a second; seconds: of simulated time; spread: radius [m].

    chunk: most air bytes of one chunk, None for the radio's own.
    """

    radio: RadioSpec
    vehicles: int = 4
    size: int = 10_000
    hz: float = 5.0
    seconds: float = 20.0
    spread: float = 50.0
    chunk: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.vehicles < 2 or self.size < 1 or not (self.hz > 0 and self.seconds > 0):
            raise ConfigError("a load needs two vehicles, a byte, and a rate and a time above 0")

    @property
    def chunks(self) -> tuple[int, ...]:
        """Sizes of a message's chunks [bytes]."""
        most = self.chunk or self.radio.chunk_bytes or self.size
        full, rest = divmod(self.size, most)
        return (most,) * full + (rest,) * bool(rest)


def drive(load: Load) -> tuple[list[Line], dict[str, float]]:
    """Every message of a load and what became of it; and the share of the time each vehicle found the medium busy."""
    air = Air(load.radio, load.seed)
    names = [f"v{i:02}" for i in range(load.vehicles)]
    turn = 2 * math.pi / load.vehicles
    positions = {n: (load.spread * math.cos(i * turn), load.spread * math.sin(i * turn)) for i, n in enumerate(names)}
    manifests: dict[tuple[str, int], Manifest] = {}
    fates: list[Fate] = []
    for number in range(max(1, round(load.seconds * load.hz))):
        t = number / load.hz
        said = [Manifest(name, "", number, KIND, t, t, load.chunks) for name in names]
        manifests |= {(m.sender, m.seq): m for m in said}
        fates += air.step(t, said, positions)
    heard: dict[tuple[str, int], list[Heard]] = {key: [] for key in manifests}
    fates = list({(f.sender, f.listener, f.seq): f for f in fates}.values())  # of a late one the final fate
    links = sorted({(fate.sender, fate.listener) for fate in fates})
    for sender, listener in links:
        for seq, found in _listened(load, [f for f in fates if (f.sender, f.listener) == (sender, listener)]):
            heard[sender, seq].append(found)
    busy = {name: time / air.elapsed for name, time in air.busy.items() if air.elapsed and time}
    return [_line(load, m, heard[key]) for key, m in manifests.items()], busy


def _listened(load: Load, fates: Sequence[Fate]) -> Iterator[tuple[int, Heard]]:
    """What one listener made of one sender's messages, by number; message n was spoken at decision n."""
    newest = -1
    arrived = [fate for fate in fates if any(fate.delivered)]
    for decision, ready in groupby(
        sorted(arrived, key=lambda f: (_decision(load, f), -f.seq)), partial(_decision, load)
    ):
        for fate in ready:
            age = round((decision - fate.seq) / load.hz, 6)
            young = age <= max(MAX_AGE, 1 / load.hz) + MOMENT
            status = "used" if fate.seq > newest and young else "stale"
            newest = max(newest, fate.seq)
            over = decision / load.hz >= load.seconds
            yield fate.seq, _heard(fate, PENDING if over else status, age)
    for fate in fates:
        if not any(fate.delivered):
            yield fate.seq, _heard(fate, "air_lost" if fate.final else PENDING)


def _heard(fate: Fate, status: str, age: float = 0.0) -> Heard:
    at, began = (time if math.isfinite(time) else None for time in (fate.at, fate.began))
    counts = {"fragments": fate.fragments, "fragments_lost": fate.lost}
    return Heard(fate.listener, status, age, "", at, sum(fate.delivered), began_at_s=began, **counts)


def _decision(load: Load, fate: Fate) -> int:
    """The first decision whose window a message comes in."""
    return max(fate.seq, math.ceil((fate.at - BUDGET - MOMENT) * load.hz))


def _line(load: Load, m: Manifest, heard: Sequence[Heard]) -> Line:
    framing = load.radio.framing(m.chunk_sizes)
    size = Split(payload=load.size, framing=framing, total=load.size + framing)
    return Line(KIND, m.kind, m.sender, "", m.seq, m.spoken_at, m.ready_at, m.chunk_sizes, size, Split(), tuple(heard))

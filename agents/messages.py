"""What runner and agent host say to each other: typed, strict MessagePack, one request and its answer."""

import msgspec

from laco.agents.channels.rate import Budget, Way
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation, Picture
from laco.comm import Bytes
from laco.comm.radio import Fate, Manifest
from laco.config import LacoConfig
from laco.profiling.spans import Moment

OVERTAKEN, TOO_OLD = "overtaken", "too old"  # why a message is stale


class Sent(msgspec.Struct, frozen=True):
    """A transmission: its manifest, its bytes in the air and on the sockets, and the words or latent steps it took.

    way: codec, tokens and layers of a cache.
    """

    manifest: Manifest
    air: Bytes
    socket: Bytes
    generated: int = 0
    way: Way | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What became of one message at its listener: used, refused, stale, air_lost or transport_lost.

    "unspoken" is the sender's own: no message, because the listener could not have read it, or because no way to
    send it fits the budget.
    share: of the cache that was usable; below 1 the message came in part, and `reason` says what is missing.
    """

    sender: str
    listener: str
    seq: int
    kind: str
    status: str
    age: float = 0.0  # [s] at the decision
    reason: str = ""
    share: float = 1.0


class Decision(msgspec.Struct, frozen=True):
    """A plan and how it came about."""

    plan: Plan
    foreign_tokens: int
    receipts: tuple[Receipt, ...]


class AgentSpec(msgspec.Struct, frozen=True):
    """One vehicle of a host.

    channel: one that the driver can carry (`laco.agents.channels`). driver: vector, llm or vlm. weights: a file
    for `vector`, a model's name or folder for the others; "" means the shipped or default ones. payload: what
    the latent channel really sends: "true", or a control, "twin", "empty", "random" or "other". masked: ids of
    the actors that the "twin" control leaves out of what is said. other: key of the recorded run to replay.
    adapters: files, or folders of them, by which the latent channel reads other models' caches.
    chunk_bytes: most air bytes of a chunk of what it says, None for no limit (the radio's, `RadioSpec`).
    budget, ways: for the codec "auto": what a message may cost, and the ladder (`fit`); () for the documented one.
    calibrated: fingerprint of the model that `laco` was measured for; "" for any. Another model is refused.
    """

    name: str
    channel: str
    driver: str = "vector"
    weights: str = ""
    caution: float = 0.25
    codec: str = "int8"
    laco: LacoConfig = LacoConfig()
    payload: str = "true"
    masked: tuple[int, ...] = ()
    record: str = ""
    other: str = ""
    seed: int = 0
    adapters: tuple[str, ...] = ()
    chunk_bytes: int | None = None
    budget: Budget = Budget()
    ways: tuple[Way, ...] = ()
    calibrated: str = ""


class Who(msgspec.Struct, tag=True, frozen=True):
    """A runner begins: forget the one before, and say which vehicles are served here."""


class Setup(msgspec.Struct, tag=True, frozen=True):
    """Make these vehicles, or, for a run after the first, make them anew on the sockets that are there.

    traced: answer with moments too.
    """

    agents: tuple[AgentSpec, ...]
    round: int
    traced: bool = False


class Connect(msgspec.Struct, tag=True, frozen=True):
    """Open the links between all vehicles of the run, by name and endpoint, and wait until each one works.

    keys: by name the public key of the machine that the runner knows to serve the vehicle; empty without CURVE.
    """

    endpoints: dict[str, str]
    keys: dict[str, str] = {}  # msgspec copies it for each instance


class Announce(msgspec.Struct, tag=True, frozen=True):
    """New views, one per vehicle of the host, and pictures of those who look through a camera."""

    views: dict[str, Observation]
    pictures: dict[str, Picture] = {}  # msgspec copies it for each instance


class Speak(msgspec.Struct, tag=True, frozen=True):
    """The beacons' fates: hear them and speak."""

    fates: tuple[Fate, ...]


class Listen(msgspec.Struct, tag=True, frozen=True):
    """The messages' fates: hear them and decide."""

    fates: tuple[Fate, ...]


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Close everything and end; a host that serves runner after runner waits for the next one."""


Request = Who | Setup | Connect | Announce | Speak | Listen | Stop


class Answer(msgspec.Struct, frozen=True):
    """What a host answers; only the fields that belong to the request are filled in.

    counters: with decisions, per vehicle, what went through its sockets and what its channel kept out, since the run
    began. refused: connections that the host has turned away since it began, for want of a trusted key.
    spans: how long its stages took [s]; moments: also when, if that was asked for.
    """

    vehicles: tuple[str, ...] = ()
    endpoints: dict[str, str] = {}
    fingerprint: str = ""
    sent: tuple[Sent, ...] = ()
    decisions: dict[str, Decision] = {}
    counters: dict[str, dict[str, int]] = {}
    refused: int = 0
    spans: dict[str, list[float]] = {}
    moments: tuple[Moment, ...] = ()
    error: str = ""

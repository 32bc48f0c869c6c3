"""The maps of docs/langcoop-wire.md: typed, strict, every number finite and every size bounded; unknown keys pass.

`read` takes one message apart, `pack` makes one. Whoever sends something else gets the reason, and no more.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from laco.agents.channels import CHANNEL_NAMES
from laco.comm.header import MAX_CHUNKS, MAX_NAME, MAX_PAYLOAD
from laco.comm.radio import BEACON, Manifest
from laco.comm.structs import read_struct
from laco.errors import WireError

VERSION = 1
MESSAGE = "message"  # the phase after that of beacons; phases are called as the manifests' kinds are grouped
MAX_MESSAGE = 1 << 26  # [bytes] a picture of 22 megapixels
MAX_FLEET = 64
MAX_OBJECTS = 256
MAX_POINTS = 4096
MAX_MANIFESTS = 64
MAX_PROMPT = 1 << 14  # [characters] LangCoop's are a tenth of it; a model takes minutes for much longer ones
LAST = 1 << 52  # more messages than a vehicle sends
FAR = 1e7  # largest number that is a place, a time or a speed; bounds keep NaN out, too

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=r"\A[^\x00]*\Z")]
Addressee = Annotated[str, Meta(max_length=MAX_NAME, pattern=r"\A[^\x00]*\Z")]
RunId = Annotated[str, Meta(min_length=1, max_length=200)]
Endpoint = Annotated[str, Meta(max_length=300, pattern=r"\Atcp://[^\s/*]+:[0-9]{1,5}\Z")]
Text = Annotated[str, Meta(max_length=MAX_PROMPT)]
Short = Annotated[str, Meta(max_length=64)]
Number = Annotated[float, Meta(ge=-FAR, le=FAR)]
Positive = Annotated[float, Meta(gt=0.0, le=FAR)]
NotNegative = Annotated[float, Meta(ge=0.0, le=FAR)]
Count = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Pixels = Annotated[int, Meta(gt=0, le=1 << 15)]
Present = Annotated[tuple[Name, ...], Meta(max_length=MAX_FLEET)]


class Ping(msgspec.Struct, tag_field="type", tag="ping", frozen=True, kw_only=True):
    """Who is there?"""

    id: Count


class Prompts(msgspec.Struct, frozen=True, kw_only=True):
    """LangCoop's own questions and templates; nil for one that the agent YAML does not use."""

    scene: Text | None = None
    object: Text | None = None
    intention: Text | None = None
    target: Text | None = None
    comb: Text | None = None
    sys_message: Text | None = None


class Hello(msgspec.Struct, tag_field="type", tag="hello", frozen=True, kw_only=True):
    """A run begins for a vehicle. period, wait: [s]; loss, range: as for `laco run`."""

    id: Count
    version: Count
    vehicle: Name
    run: RunId
    fleet: Annotated[dict[Name, Endpoint], Meta(min_length=1, max_length=MAX_FLEET)]
    channel: Short
    period: Positive
    wait: NotNegative
    radio: Short = "ideal"
    loss: Short = ""
    range: Positive | None = None
    seed: int = 0
    prompts: Prompts | None = None

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ValueError(f"version {self.version} of the wire, this server speaks {VERSION}")
        if self.channel not in CHANNEL_NAMES:
            raise ValueError(f"unknown channel {self.channel!r}; there are {', '.join(CHANNEL_NAMES)}")
        if self.vehicle not in self.fleet:
            raise ValueError(f"vehicle {self.vehicle!r} is not in its own fleet")

    @property
    def terms(self) -> tuple[object, ...]:
        """What all vehicles of a run must agree on."""
        return (self.fleet, self.period, self.wait, self.air)

    @property
    def air(self) -> str:
        """The part of it without which servers come to other fates, in words."""
        reach = "" if self.range is None else f"{self.range:g} m"
        radio = " ".join(part for part in (self.radio, self.loss, reach) if part)
        return f"{self.channel}, {radio}, seed {self.seed}"


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of RGB bytes."""

    width: Pixels
    height: Pixels
    rgb: bytes

    def __post_init__(self) -> None:
        if len(self.rgb) != 3 * self.width * self.height:
            raise ValueError(f"a picture of {self.width} x {self.height} pixels has {len(self.rgb)} bytes")


class Observe(msgspec.Struct, tag_field="type", tag="observe", frozen=True, kw_only=True):
    """What a vehicle sees now; vehicle: "" for the one that said hello on this connection."""

    id: Count
    run: RunId
    moment: Count
    present: Present
    time: Number
    pose: tuple[Number, Number, Number]
    speed: Number
    size: tuple[Positive, Positive]
    route: Annotated[tuple[tuple[Number, Number], ...], Meta(max_length=MAX_POINTS)]
    remaining: NotNegative
    limit: NotNegative
    image: Image | None = None
    objects: Annotated[
        tuple[tuple[Number, Number, Number, Number, Positive, Positive], ...], Meta(max_length=MAX_OBJECTS)
    ] = ()
    vehicle: Addressee = ""


class Decide(msgspec.Struct, tag_field="type", tag="decide", frozen=True, kw_only=True):
    """The plan for a moment, please."""

    id: Count
    run: RunId
    moment: Count
    vehicle: Addressee = ""


class Bye(msgspec.Struct, tag_field="type", tag="bye", frozen=True, kw_only=True):
    """The run is over."""

    id: Count = 0
    run: RunId
    vehicle: Addressee = ""


class Join(msgspec.Struct, tag_field="type", tag="join", frozen=True, kw_only=True):
    """From server to server: where a vehicle's messages are. reply: join us in turn.

    air: its `Hello.air`; with another one it is not of the same run.
    expects: by vehicle the number its next message has at least; one that begins anew in a run goes on from there.
    sent: by phase the newest moment of which the sender's roll has gone out: who comes later need not wait for it.
    """

    run: RunId
    sender: Name
    mesh: Endpoint
    reply: bool = False
    air: Annotated[str, Meta(max_length=300)] = ""
    expects: Annotated[dict[Name, Count], Meta(max_length=MAX_FLEET)] = {}
    sent: Annotated[dict[Short, Count], Meta(max_length=2)] = {}


class Roll(msgspec.Struct, tag_field="type", tag="roll", frozen=True, kw_only=True):
    """From server to server: what a vehicle said in a phase, for everybody's air."""

    run: RunId
    sender: Name
    moment: Count
    phase: Short
    position: tuple[Number, Number]
    manifests: Annotated[tuple[Manifest, ...], Meta(max_length=MAX_MANIFESTS)] = ()

    def __post_init__(self) -> None:
        if self.phase not in (BEACON, MESSAGE):
            raise ValueError(f"a phase is {BEACON} or {MESSAGE}, not {self.phase!r}")
        for manifest in self.manifests:
            _check(manifest, self)


class Pong(msgspec.Struct, tag_field="type", tag="pong", frozen=True, kw_only=True):
    """Who is here."""

    id: int
    version: int = VERSION
    vehicles: tuple[str, ...]
    driver: str
    model: str


class Welcome(msgspec.Struct, tag_field="type", tag="welcome", frozen=True, kw_only=True):
    """The run can begin; missing: peers that do not answer, or cannot be understood."""

    id: int
    version: int = VERSION
    vehicle: str
    driver: str
    model: str
    fingerprint: str
    channel: str
    missing: tuple[str, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the vehicle's. payload, metadata, framing: bytes in the air; socket: bytes on all sockets."""

    kind: str
    addressee: str
    seq: int
    payload: int
    metadata: int
    framing: int
    socket: int
    generated: int = 0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message at its listener, see `laco.agents.messages.Receipt`; or a peer's absence."""

    sender: str
    listener: str
    seq: int
    kind: str
    status: str
    age: float = 0.0
    share: float = 1.0
    reason: str = ""


class Plan(msgspec.Struct, tag_field="type", tag="plan", frozen=True, kw_only=True):
    """Speeds [m/s] and curvatures [deg/m, right positive] for dt [s], 2 dt, ...; seconds: wall clock.

    geometric: the curvatures are those of the route, not numbers that a model wrote.
    """

    id: int = 0
    moment: int
    speed: tuple[float, ...]
    curvature: tuple[float, ...]
    dt: float
    failed: bool
    geometric: bool
    foreign_tokens: int
    sent: tuple[Said, ...]
    heard: tuple[Heard, ...]
    seconds: dict[str, float]


class Error(msgspec.Struct, tag_field="type", tag="error", frozen=True, kw_only=True):
    """Why there is no other answer; id: nil if the request's could not be read."""

    id: int | None
    reason: str


Request = Ping | Hello | Observe | Decide | Bye
Message = Request | Join | Roll
Answer = Pong | Welcome | Plan | Error


class _Numbered(msgspec.Struct):
    id: Count | None = None


def read(data: bytes | memoryview) -> Message:
    """One message. Raises: WireError, and nothing else."""
    message: Message = read_struct(data, Message, "a message")  # type: ignore[arg-type]
    return message


def number(data: bytes | memoryview) -> int | None:
    """The `id` of a map that is no message, if it has one."""
    try:
        return read_struct(data, _Numbered, "a map").id
    except WireError:
        return None


def pack(message: Answer | Message) -> bytes:
    """The bytes of a message."""
    return msgspec.msgpack.encode(message)


def _check(manifest: Manifest, roll: Roll) -> None:
    """Raises: ValueError for one that no vehicle of ours would send."""
    beacon = manifest.kind == BEACON
    if manifest.sender != roll.sender or beacon != (roll.phase == BEACON):
        raise ValueError(f"a manifest of {manifest.sender!r}, kind {manifest.kind!r}, in another's roll")
    if not (abs(manifest.spoken_at) <= FAR and manifest.spoken_at <= manifest.ready_at <= FAR):
        raise ValueError("a manifest's times are not finite, or the wrong way round")
    sizes = manifest.chunk_sizes
    sound = 0 < len(sizes) <= MAX_CHUNKS and min(sizes) > 0 and sum(sizes) <= 2 * MAX_PAYLOAD
    if not sound or not 0 <= manifest.seq < LAST or len(manifest.addressee) > MAX_NAME:
        raise ValueError("a manifest's number, addressee or sizes are out of range")

"""What a channel is: how a view becomes a message for a peer, and how messages become a plan.

Speaking side: `say`. Listening side: `hear`, which is `attend` and then the driver's plan. Both get the driver; neither
knows sockets or the simulator. What a driver does for several vehicles at once (`laco.agents.together`) is asked for
before: `asks` says what `say` will ask it, and `attend` stops short of the plan.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from laco.agents.channels import TRANSFERS
from laco.agents.channels.rate import Way
from laco.agents.drivers.base import Answers, Asked, Driver, Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError
from laco.comm.codecs import usable
from laco.comm.handshake import Offer
from laco.method.fusion import Inference, infer
from laco.profiling.spans import pooled, span

INFER = "infer"  # the span of a decision: reading, and the plan
Content = TypeVar("Content")


@dataclass(frozen=True)
class Heard:
    """The plan, how many foreign tokens went into it, and why messages (by their index) were refused.

    partial: of messages that came in part, the share that was usable, and what is missing.
    """

    plan: Plan
    foreign_tokens: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)
    partial: Mapping[int, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Attended:
    """A view and what was heard, read by the driver, which has yet to decide. The rest is as in `Heard`."""

    frame: Frame
    time: float  # [s]
    out: Inference
    foreign_tokens: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)
    partial: Mapping[int, tuple[float, str]] = field(default_factory=dict)

    def heard(self, plan: Plan) -> Heard:
        """With the plan."""
        return Heard(plan, self.foreign_tokens, self.refused, self.partial)


class Channel(ABC):
    """One way of sharing. `driver` decides; `caution` in [0, 1] is the driver's (see the expert).

    generated: words or latent steps that the last message took. way: how it was sent, of a cache. known: codecs that
    who hears the next message knows; None if they did not say. answers: to what `asks` wants to know for the next
    message; None to ask when it is said. counters: how often what the channel does about what it hears happened.
    open: any model can read what it says, so that one broadcast is for all.
    """

    name: ClassVar[str]
    open: ClassVar[bool] = False

    def __init__(self, driver: Driver, caution: float) -> None:
        self.driver, self.caution = driver, caution
        self.generated = 0
        self.known: frozenset[str] | None = None
        self.way: Way | None = None
        self.answers: Answers | None = None

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Other models whose messages this channel can read: part of the beacon."""
        return ()

    @property
    def codecs(self) -> tuple[str, ...]:
        """Names of the codecs this channel reads: part of the handshake."""
        return (*usable(self.driver.fingerprint), *(name for name in TRANSFERS if name != "auto"))

    @property
    def counters(self) -> dict[str, int]:
        return {}

    @property
    def held(self) -> tuple[tuple[str, int], ...]:
        """Messages, by sender and number, that later ones may be coded against: part of the beacon."""
        return ()

    def meet(self, beacons: Sequence[Beacon]) -> None:  # noqa: B027 (most channels need not know)
        """Take in the newest beacons of all vehicles that may hear what is said next."""

    def asks(self, view: Observation, to: Beacon) -> Asked | None:
        """What `say` with these will ask the driver, which must be a `TextDriver`; None for nothing."""
        return None

    @abstractmethod
    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk] | None:
        """The message about `view` for the sender of beacon `to`; None to stay silent.

        meta: sender, addressee, seq, sim_time, pose and fingerprint for the header, `chunk_bytes` and `checksum`.
        Raises: HandshakeError, with the reason, if that peer could not read it, and BudgetError if nothing fits.
        """

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        """The plan for `view` after hearing the messages: see `attend`."""
        with pooled(INFER):
            attended = self.attend(view, messages)
            return attended.heard(plans(self.driver, [attended])[0])

    @abstractmethod
    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        """What the driver makes of `view` (beacons already in it) after hearing the messages, one per peer at most.

        Of a cache some chunks may be missing; messages of plain bytes are whole.

        A message that cannot be used is refused with its reason; the vehicle drives on without it.
        """

    def read(self, view: Observation, told: Sequence[Observation | Said], refused: Mapping[int, str]) -> Attended:
        """What the driver makes of `view` once it has read, in front of it, what was told."""
        frame = Frame.of(view)
        with span(INFER):
            context = self.driver.context(frame, [*told, view], self.caution)
            foreign = len(context) - len(self.driver.context(frame, [view], self.caution)) if told else 0
            out = infer(self.driver.backbone, context, tail=True)
        return Attended(frame, view.time, out, foreign, refused)


def plans(driver: Driver, attended: Sequence[Attended]) -> list[Plan]:
    """What a driver decides for all vehicles that have attended to something."""
    with span(INFER):
        return driver.plans([a.frame for a in attended], [a.time for a in attended], [a.out for a in attended])


def decoded(
    messages: Sequence[list[Chunk]], decode: Callable[[list[Chunk]], Content]
) -> tuple[dict[int, Content], dict[int, str]]:
    """What the messages hold, by their index, and why those that cannot be used were refused."""
    contents: dict[int, Content] = {}
    refused: dict[int, str] = {}
    with span("decode"):
        for i, chunks in enumerate(messages):
            try:
                contents[i] = decode(chunks)
            except WireError as error:
                refused[i] = str(error)
    return contents, refused

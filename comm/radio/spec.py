"""`RadioSpec`: a radio in full, as text, a YAML file and `result.json` have it."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import Meta

from laco.comm.radio.airtime import AIFSN, BITS, contention_window, ofdm, plain
from laco.comm.radio.distance import Distance
from laco.comm.radio.fragments import cut
from laco.comm.radio.loss import Bernoulli, Gilbert, shares
from laco.comm.radio.trace import Trace
from laco.errors import ConfigError

Loss = Bernoulli | Gilbert | Distance
Positive = Annotated[float, Meta(gt=0.0)]
FILES = (".yaml", ".yml")
LARGE = 1 << 16  # [bytes] a message for which the rate of the air matters, not its first access


class RadioSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the air does. The defaults are `ideal`; the presets are in `presets`, their sources in docs/radio.md.

    preset: the one it began from. rate: [Mb/s], None for unlimited. ofdm: airtime by 802.11p's formula, not size over
    rate. shared: one medium for all, on which transmissions queue; else each sender has the rate to itself.
    mtu: most bytes of a chunk in one fragment, None for all; headers: bytes that each fragment adds.
    chunked: senders cut what they say into chunks of at most an mtu, so that a part of it can be used.
    slot, sifs: [us]; cw_min: of the PHY [slots], None for no contention between frames (the rate says it all).
    collisions: whether equal backoffs destroy each other's fragments; else the order of names decides.
    duty: largest share of the time that one sender may be on the air.
    loss: None for none. range: beyond it nothing is heard [m]. trace: CSV file that rules the rate (see `trace`).
    """

    preset: str = "ideal"
    rate: Positive | None = None
    ofdm: bool = False
    shared: bool = False
    mtu: Annotated[int, Meta(ge=64)] | None = None
    headers: Annotated[int, Meta(ge=0)] = 0
    chunked: bool = True
    slot: Positive = 13.0
    sifs: Positive = 32.0
    cw_min: Annotated[int, Meta(ge=3, le=1023)] | None = None
    collisions: bool = False
    duty: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    loss: Loss | None = None
    range: Positive | None = None
    trace: str = ""

    def __post_init__(self) -> None:
        if self.ofdm and self.rate not in BITS:
            rates = ", ".join(f"{rate:g}" for rate in BITS)
            raise ConfigError(f"the rate of an ofdm radio must be one of {rates}, not {self.rate}")
        if self.collisions and self.cw_min is None:
            raise ConfigError("collisions need contention: set cw_min")

    @classmethod
    def from_text(cls, text: str, loss: str = "", range: float | None = None, trace: str = "") -> "RadioSpec":
        """The radio called `text`, or in the YAML file `text`, changed by what else is given.

        loss: "bernoulli:P", "gilbert:P,R[,1-H[,1-K]]" or "distance". Raises: ConfigError for what cannot be used.
        """
        from laco.comm.radio.presets import find

        spec = _from_file(text) if text.endswith(FILES) else find(text)
        changes: dict[str, Any] = {}
        if loss:
            changes["loss"] = _loss(loss)
        if range is not None:
            changes["range"] = range
        if trace:
            changes["trace"] = trace
        spec = _converted({**msgspec.to_builtins(spec), **changes}, "radio")
        if spec.trace:
            Trace.read(spec.trace)
        return spec

    @property
    def chunk_bytes(self) -> int | None:
        """Most air bytes of one chunk [bytes]; None for one chunk, however large."""
        return self.mtu if self.chunked else None

    def framing(self, chunk_sizes: tuple[int, ...]) -> int:
        """Bytes that the air adds to chunks of these sizes [bytes]: the headers of their fragments."""
        return self.headers * len(cut(chunk_sizes, self.mtu)) if self.headers else 0

    def airtime(self, size: int, rate: float | None = None) -> float:
        """Time on the air of a fragment of `size` bytes without its headers [s]. rate: of a trace [Mb/s]."""
        whole = size + self.headers
        if rate is not None:
            return plain(whole, rate)
        if self.rate is None:
            return 0.0
        return ofdm(whole, self.rate) if self.ofdm else plain(whole, self.rate)

    @property
    def contention(self) -> int:
        """Largest backoff before a fragment [slots]."""
        return 0 if self.cw_min is None else contention_window(self.cw_min)

    def access(self, backoff: float) -> float:
        """Time between two fragments, for a backoff in slots [s]."""
        return 0.0 if self.cw_min is None else (self.sifs + (AIFSN + backoff) * self.slot) * 1e-6

    def duration(self, chunk_sizes: tuple[int, ...]) -> float:
        """Mean time that chunks of these sizes take on an idle medium [s]; duty cycle and trace aside."""
        mean = self.access(self.contention / 2)
        return sum(self.airtime(f.size) + mean for f in cut(chunk_sizes, self.mtu))

    @property
    def goodput(self) -> float | None:
        """Bits per second of a large message on an idle medium, headers and access included; None for unlimited."""
        chunk = self.chunk_bytes or LARGE
        sizes = (chunk,) * max(1, LARGE // chunk)
        return 8 * sum(sizes) / duration if (duration := self.duration(sizes)) else None


def _from_file(path: str) -> RadioSpec:
    from laco.comm.radio.presets import find

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"radio file {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"radio file {path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"radio file {path} must hold fields, such as `preset: dsrc_6m`")
    base = find(str(found.get("preset", "ideal")))
    return _converted({**msgspec.to_builtins(base), **found}, path)


def _converted(fields: dict[Any, Any], where: str) -> RadioSpec:
    try:
        return msgspec.convert(fields, RadioSpec)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def _loss(text: str) -> Any:
    """Fields of the loss in `text`; their values are checked with the rest."""
    name, _, numbers = text.partition(":")
    if name == "distance" and not numbers:
        return {"model": name}
    fields = {"bernoulli": ("p",), "gilbert": ("p", "r", "1-h", "1-k")}.get(name, ())
    needed = min(len(fields), 2)
    given = shares(numbers, len(fields)) if fields and numbers else []
    if not fields or len(given) < needed:
        raise ConfigError(f"loss must be bernoulli:P, gilbert:P,R[,1-H[,1-K]] or distance, not {text!r}")
    return {"model": name, **dict(zip(fields, given, strict=False))}

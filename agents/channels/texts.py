"""What channels of text share: UTF-8 on the wire, read by the receiver's model in front of its own view."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from laco.agents.channels.base import Attended, Channel, decoded
from laco.agents.drivers.base import Said, TextDriver
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError, decode_bytes, encode_bytes, parse
from laco.profiling.spans import span

LONGEST = 4096  # [bytes] of a text that is read: a peer must not fill our context


class TextChannel(Channel):
    """A channel that sends a text; a subclass says which."""

    open = True

    def __init__(self, driver: TextDriver, caution: float) -> None:
        super().__init__(driver, caution)
        self.speaker = driver

    @abstractmethod
    def tell(self, view: Observation, frame: Frame) -> str:
        """The text about `view` for the viewer of `frame`."""

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        text = self.tell(view, Frame.of(to))
        with span("encode"):  # any model can read it: no fingerprint
            return encode_bytes(text.encode(), kind=self.name, **{**meta, "fingerprint": ""})

    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        told, refused = decoded(messages, self._decode)
        return self.read(view, list(told.values()), refused)

    def _decode(self, chunks: list[Chunk]) -> Said:
        """What the peer said. Raises: WireError."""
        payload = decode_bytes(chunks, kind=self.name)
        if len(payload) > LONGEST:
            raise WireError(f"oversized: a text of {len(payload)} bytes, at most {LONGEST} are read")
        try:
            return Said(parse(chunks[0].header).sender, payload.decode())
        except UnicodeDecodeError as error:
            raise WireError(f"not a text: {error}") from error

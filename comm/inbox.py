"""`Inbox`: the messages that one `Mesh.receive` waits for, as their chunks come in."""

from dataclasses import dataclass, field

from laco.comm.link import Arrival
from laco.comm.message import Chunk, verify
from laco.errors import WireError

Key = tuple[str, int]  # sender, number of the message


@dataclass
class Inbox:
    """The messages waited for, as their chunks come in."""

    pending: set[Key]
    parts: dict[Key, dict[int, Chunk]] = field(default_factory=dict)
    whole: dict[Key, list[Chunk]] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)

    def put(self, arrival: Arrival) -> bool:
        """Files one chunk; False if nobody waits for it. Raises WireError if it is damaged: nothing more of its
        message is waited for then."""
        header = arrival.header
        key = (header.sender, header.seq)
        if key not in self.pending:
            return False
        try:
            verify(arrival.chunk)
        except WireError as error:
            self._refuse(key, error)
            raise
        parts = self.parts.setdefault(key, {})
        parts[header.index] = arrival.chunk
        if len(parts) == header.count:
            self.whole[key] = [parts[index] for index in sorted(parts)]
            self.pending.remove(key)
            del self.parts[key]
        return True

    def blame(self, sender: str, error: WireError) -> None:
        """Something of `sender` could not even be read: if one message of it is waited for, it is that one."""
        waited = [key for key in self.pending if key[0] == sender]
        if len(waited) == 1:
            self._refuse(waited[0], error)

    def _refuse(self, key: Key, error: WireError) -> None:
        self.refused[key] = str(error)
        self.pending.remove(key)
        self.parts.pop(key, None)

    def senders(self) -> set[str]:
        return {sender for sender, _ in self.pending}

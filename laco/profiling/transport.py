"""How long a message takes over real sockets, published to decoded, against plain pyzmq moving the same frames.

Two processes, as vehicles on two hosts are: the one that measures publishes, a child receives and decodes. Plain pyzmq
is a PUB and a SUB over loopback TCP, `copy=False` on both sides, with the same frames. All cases take turns, one
message at a time, so that what else the machine does hits all of them alike. Times are of the monotonic clock, which
both processes share.
"""

from collections.abc import Callable, Sequence

import msgspec

from laco.errors import ConfigError
from laco.profiling.ends import PLAIN, Case, Ends, Message, Turn
from laco.profiling.spans import percentiles

WARM = 3  # messages before those that count


CASES = (
    Case("raw", checksum=False),
    Case("float32", checksum=False, float32=True),
    Case("checksum"),
    Case("chunked", chunks=64),
)


class Row(msgspec.Struct, frozen=True):
    """One case at one size.

    payload: [bytes], chunks: how many it took. From the call of `publish`, count, p50, p90, p99 and max [ms]: publish,
    until it returned; received, until the message was there whole; total, until the cache was decoded. ratio: of the
    medians of `total`, to plain pyzmq in the same run. added: their difference [us]. copied: whether the decoded
    tensors are other memory than what was received.
    """

    case: str
    payload: int
    chunks: int
    publish: dict[str, float]
    received: dict[str, float]
    total: dict[str, float]
    ratio: float
    added: float
    copied: bool


def measure(
    sizes: Sequence[int], turns: int, cases: Sequence[Case] = CASES, progress: Callable[[float], None] | None = None
) -> list[Row]:
    """Every case at every size [bytes], `turns` times. Raises: TransportError if the receiver says nothing."""
    if turns < 1 or not sizes or min(sizes) < 1:
        raise ConfigError("there must be at least one turn, and sizes of at least one byte")
    rows: list[Row] = []
    with Ends() as ends:
        for i, size in enumerate(sizes):
            messages = [Message(case, size) for case in cases]
            times: dict[str, list[Turn]] = {PLAIN: [], **{case.name: [] for case in cases}}
            for turn in range(-WARM, turns):
                found = {PLAIN: ends.plain(messages[0]), **{m.case.name: ends.publish(m) for m in messages}}
                if turn >= 0:
                    for name, took in found.items():
                        times[name].append(took)
                if progress is not None:
                    progress((i + max(0, turn + 1) / turns) / len(sizes))
            rows += _rows(messages, times)
    return rows


def _rows(messages: Sequence[Message], times: dict[str, list[Turn]]) -> list[Row]:
    plain = percentiles([turn.total for turn in times[PLAIN]])["p50"]
    counted = [(PLAIN, messages[0]), *((m.case.name, m) for m in messages)]
    rows = []
    for name, message in counted:
        turns = times[name]
        total = percentiles([turn.total for turn in turns])
        publish = percentiles([turn.publish for turn in turns])
        received = percentiles([turn.received for turn in turns])
        chunks, p50 = 1 if name == PLAIN else message.chunks, total["p50"]
        added, copied = 1e3 * (p50 - plain), any(turn.copied for turn in turns)
        rows.append(Row(name, message.payload, chunks, publish, received, total, p50 / plain, added, copied))
    return rows

"""How long a message takes over real sockets, published to decoded, against plain pyzmq moving the same frames.

Two processes, as vehicles on two hosts are: the one that measures publishes, a child receives and decodes. Plain pyzmq
is a PUB and a SUB over loopback TCP, `copy=False` on both sides, with the same frames. All cases take turns, a few
messages at a time and each turn in another order, so that what else the machine does hits all of them alike; the first
messages of a turn find caches full of another case's work and do not count. Times are of the monotonic clock, which
both processes share.
"""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from laco.errors import ConfigError
from laco.profiling.ends import PLAIN, Case, Ends, Message, Turn
from laco.profiling.spans import percentiles

WARM, BURST = 2, 4  # messages in a row of one case in its turn: first those that do not count, then those that do


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
    """Every case at every size [bytes], `turns` times `BURST` messages that count.

    Raises: TransportError if the receiver says nothing.
    """
    if turns < 1 or not sizes or min(sizes) < 1:
        raise ConfigError("there must be at least one turn, and sizes of at least one byte")
    rows: list[Row] = []
    with Ends() as ends:
        for i, size in enumerate(sizes):
            messages = [Message(case, size) for case in cases]
            times: dict[str, list[Turn]] = {PLAIN: [], **{case.name: [] for case in cases}}
            ours = {message.case.name: partial(ends.publish, message) for message in messages}
            calls = {PLAIN: partial(ends.plain, messages[0]), **ours}
            for turn in range(turns):
                for name in _rotated(list(calls), turn):
                    times[name] += [calls[name]() for _ in range(WARM + BURST)][WARM:]
                if progress is not None:
                    progress((i + (turn + 1) / turns) / len(sizes))
            rows += _rows(messages, times)
    return rows


def _rotated(names: list[str], turn: int) -> list[str]:
    """Each turn another case begins: nobody always follows the same one."""
    first = turn % len(names)
    return names[first:] + names[:first]


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

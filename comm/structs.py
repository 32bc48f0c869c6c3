"""MessagePack from outside as a typed struct: one place that knows what can go wrong."""

from typing import TypeVar

import msgspec

from laco.errors import WireError

T = TypeVar("T")


def read_struct(data: bytes | bytearray | memoryview, type: type[T], what: str) -> T:
    """The struct in these bytes; `what` they are is for the reason. Raises WireError, and nothing else."""
    try:
        return msgspec.msgpack.decode(data, type=type)
    # Text may be no UTF-8, which is a ValueError; fields that are skipped may be nested deeply: RecursionError.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"damaged: {what} cannot be read: {error}") from error

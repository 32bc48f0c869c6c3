"""Bytes between vehicles: the wire format, codecs, sockets, and the model of the air.

`wire` turns a cache or a payload into chunks and back (`docs/wire.md` is the format); `mesh` carries chunks
over ZeroMQ; `radio` decides what arrives and when; `account` counts bytes. Sockets are not imported here:
whoever only encodes needs none. What needs torch (`wire`) is loaded on first use: whoever only counts bytes or
models the air needs none of that either.
"""

import importlib
from typing import TYPE_CHECKING, Any

from laco.comm.account import Bytes, SentBytes, air_bytes, socket_bytes
from laco.comm.message import Chunk, Header, parse, verify
from laco.comm.structs import read_struct
from laco.errors import WireError

if TYPE_CHECKING:
    from laco.comm.wire import Partial, decode, decode_bytes, decode_partial, encode, encode_bytes, encode_parts

__all__ = [
    "Bytes",
    "Chunk",
    "Header",
    "Partial",
    "SentBytes",
    "WireError",
    "air_bytes",
    "decode",
    "decode_bytes",
    "decode_partial",
    "encode",
    "encode_bytes",
    "encode_parts",
    "parse",
    "read_struct",
    "socket_bytes",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("laco.comm.wire"), name)
    raise AttributeError(f"module 'laco.comm' has no attribute {name!r}")

"""Bytes between vehicles: the wire format, codecs, sockets, and the model of the air.

`wire` turns a cache or a payload into chunks and back (`docs/wire.md` is the format); `mesh` carries chunks
over ZeroMQ; `radio` decides what arrives and when; `account` counts bytes. Sockets are not imported here:
whoever only encodes needs none.
"""

from laco.comm.account import Bytes, SentBytes, air_bytes, socket_bytes
from laco.comm.message import Chunk, Header, parse, verify
from laco.comm.wire import decode, decode_bytes, encode, encode_bytes, encode_parts
from laco.errors import WireError

__all__ = [
    "Bytes",
    "Chunk",
    "Header",
    "SentBytes",
    "WireError",
    "air_bytes",
    "decode",
    "decode_bytes",
    "encode",
    "encode_bytes",
    "encode_parts",
    "parse",
    "socket_bytes",
    "verify",
]

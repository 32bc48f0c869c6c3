"""The wire: caches and plain bytes as chunks, and back (docs/wire.md).

A message is one chunk on a radio that loses nothing, and else chunks of at most `chunk_bytes`. Every chunk of a cache
carries some layers of a block of tokens and can be decoded without the others: `cut` says how they are chosen,
`decode_partial` takes what has come.
"""

from laco.comm.decoding import Partial, decode, decode_bytes, decode_partial
from laco.comm.encoding import BytesMeta, Meta, encode, encode_bytes, encode_parts

__all__ = [
    "BytesMeta",
    "Meta",
    "Partial",
    "decode",
    "decode_bytes",
    "decode_partial",
    "encode",
    "encode_bytes",
    "encode_parts",
]

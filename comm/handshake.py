"""What two vehicles tell each other before anything else, and why they may not understand each other.

The hello opens each link in each round. It is an array to which later versions append: what a vehicle reads, so that
a sender says nothing that cannot be read, and a run that cannot work ends at the barrier with the reason.
"""

from collections.abc import Collection

import msgspec

from laco.comm.message import MAJOR, MAX_PAYLOAD, MINOR, PREAMBLE
from laco.errors import HandshakeError


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """Another model whose caches a vehicle can read, by an adapter of this version, from these layers."""

    fingerprint: str
    version: int
    layers: tuple[int, ...]


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """What a vehicle reads.

    major, minor: version of the format. fingerprint: of its model. offers: other models whose caches it reads.
    codecs: those it knows; none means it did not say. max_payload: of one message [bytes].
    """

    major: int = MAJOR
    minor: int = MINOR
    fingerprint: str = ""
    offers: tuple[Offer, ...] = ()
    codecs: tuple[str, ...] = ()
    max_payload: int = MAX_PAYLOAD


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """Says which round begins, the number of the next broadcast, and what the sender reads."""

    round: int
    next_broadcast: int
    terms: Terms = Terms()


def check_version(peer: str, header: bytes) -> None:
    """Raises: HandshakeError if a chunk of the peer's is of another major version of the format."""
    if len(header) < PREAMBLE.size:
        return
    magic, major, minor, *_ = PREAMBLE.unpack_from(header)
    if magic == b"LACO" and major != MAJOR:
        raise HandshakeError(f"{peer} speaks format {major}.{minor}, this reader takes {MAJOR}.x")


def check_terms(name: str, own: Terms, peer: str, theirs: Terms) -> None:
    """Raises: HandshakeError if nothing that one of them encodes can be read by the other."""
    if theirs.major != MAJOR:
        raise HandshakeError(f"{peer} reads format {theirs.major}.x, {name} writes {MAJOR}.{MINOR}")
    if own.codecs and theirs.codecs and not set(own.codecs) & set(theirs.codecs):
        ours, others = ", ".join(own.codecs), ", ".join(theirs.codecs)
        raise HandshakeError(f"{name} and {peer} have no codec in common: {name} knows {ours}; {peer} {others}")


def check_readable(peer: str, theirs: Terms, codec: str, payload: int) -> None:
    """Raises: HandshakeError if the peer cannot read a message in this codec, or of so many bytes."""
    if codec and theirs.codecs and codec not in theirs.codecs:
        raise HandshakeError(f"codec {codec} unknown to {peer}, which knows {', '.join(theirs.codecs)}")
    if payload > theirs.max_payload:
        raise HandshakeError(f"{peer} takes at most {theirs.max_payload} bytes in a message, not {payload}")


def common(known: Collection[Terms]) -> frozenset[str] | None:
    """The codecs that all of them know; None if nobody said."""
    said = [frozenset(terms.codecs) for terms in known if terms.codecs]
    return frozenset.intersection(*said) if said else None

"""The envelope: MessagePack-RPC requests in, answers out, in order.

A request is `[0, id, method, [[async], argument...]]`, an answer `[1, id, error, result]`. A method's table
entry says how its result is wrapped (`value`, `void`, `bare`); what it refuses goes into the result, what it
cannot make sense of into the error slot. Calls that nobody waits for are answered all the same.
"""

import logging
import reprlib  # whole messages may be too deep to show
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.simulation import Simulation

log = logging.getLogger(__name__)

LARGEST = 256 << 20  # [bytes] of one request: a map may be large
LONGEST = 1 << 20  # entries of one array: room for them is made before they arrive
NONSENSE = (
    TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, struct.error
)  # fmt: skip
Call = Callable[[Simulation, list[Any]], Any]  # from arguments to the wire's result
Table = dict[str, Call]


def value(function: Callable[..., Any]) -> Call:
    """Wrap a method that answers a value."""

    def call(simulation: Simulation, arguments: list[Any]) -> Any:
        try:
            return [[1, function(simulation, *arguments)]]
        except RefusedError as refusal:
            return [[0, [str(refusal)]]]

    return call


def void(function: Callable[..., object]) -> Call:
    """Wrap a method that only does something."""

    def call(simulation: Simulation, arguments: list[Any]) -> Any:
        try:
            function(simulation, *arguments)
        except RefusedError as refusal:
            return [[True, [str(refusal)]]]
        return [[False]]

    return call


def bare(function: Callable[..., Any]) -> Call:
    """Wrap a method whose answer is sent as it is."""
    return lambda simulation, arguments: function(simulation, *arguments)


def constant(result: Any) -> Call:
    """A method that always answers the same value, whatever it is asked."""
    return lambda simulation, arguments: [[1, result]]


def nothing(simulation: Simulation, arguments: list[Any]) -> Any:
    """A method that is accepted and does nothing."""
    return [[False]]


class BadRequestError(Exception):
    """Bytes that are no request: the connection has to be closed."""


class Dialogue:
    """One client's requests, as bytes come in."""

    def __init__(self, table: Table, simulation: Simulation) -> None:
        self._table = table
        self._simulation = simulation
        self._pack = msgpack.Packer(use_bin_type=True, unicode_errors="surrogateescape").pack
        self._unpacker = msgpack.Unpacker(
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogateescape",
            max_buffer_size=LARGEST,
            max_array_len=LONGEST,
            max_map_len=LONGEST,
        )

    def receive(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Feed bytes; the answers to the requests that are now complete, joined, since each piece costs a system
        call. Who ticked is answered before sensors look at the frame. Raises `BadRequestError`."""
        answers: list[bytes] = []
        nonsense = None
        try:
            self._unpacker.feed(data)
            for message in self._unpacker:
                self._simulation.observe()
                answers.append(self._answer(message))
                if self._simulation.unseen:
                    yield b"".join(answers)
                    answers.clear()
        except BadRequestError as error:
            nonsense = error
        except (ValueError, TypeError, MemoryError, msgpack.exceptions.UnpackException) as error:
            nonsense = BadRequestError(f"not MessagePack: {error!r}")
        if answers:  # what was asked before the nonsense is answered
            yield b"".join(answers)
        if nonsense is not None:
            raise nonsense

    def _answer(self, message: Any) -> bytes:
        try:
            kind, id, method, arguments = message
            (waits, *_), call = arguments[0], self._table.get(method)
        except NONSENSE as error:
            raise BadRequestError(f"not a request: {reprlib.repr(message):.80}") from error
        if kind != 0 or not isinstance(id, int):
            raise BadRequestError(f"not a request: {reprlib.repr(message):.80}")
        if call is None:
            return self._unknown(id, method, bool(waits), len(arguments) - 1)
        try:
            packed: bytes = self._pack([1, id, None, call(self._simulation, arguments[1:])])
        except NONSENSE as error:
            log.warning("%s: %s: %.200r", method, type(error).__name__, str(error))
            packed = self._pack([1, id, f"{method}: {type(error).__name__}: {error}", None])
        return packed

    def _unknown(self, id: int, method: Any, fire_and_forget: bool, count: int) -> bytes:
        log.warning("unknown method %.60r", method)
        if fire_and_forget:
            return bytes(self._pack([1, id, None, [[False]]]))
        text = f"rpc: server could not find function '{method}' with argument count {count}"
        return bytes(self._pack([1, id, text, None]))

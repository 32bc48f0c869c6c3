"""The two ends of a transport measurement: what publishes here, what receives and decodes in a child process."""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from laco.closing import Closing
from laco.errors import TransportError

if TYPE_CHECKING:
    from laco.comm import Chunk
    from laco.method.cache import KVCache

SENDER, LISTENER, PLAIN, FLOAT32 = "a", "b", "pyzmq", "float32"
HEADS, DIM, LAYERS = 3, 64, 4  # of SmolLM2's keys, and a band as calibration picks it
MTU = 1398  # [bytes] the smallest chunk worth cutting: a packet of 802.11p
HWM = 1 << 14  # [chunks] more than the largest message has
SETTLE = 0.0005  # [s] for the receiver to go to sleep on its socket, as a waiting vehicle does
LIMIT = 20.0  # [s] without a message
OPENINGS = 3  # the first may be published before the subscription is there


@dataclass(frozen=True)
class Case:
    """One way to send the same cache as fp16. chunks: into how many it is cut. float32: converted by the listener."""

    name: str
    checksum: bool = True
    chunks: int = 1
    float32: bool = False


class Turn(msgspec.Struct, frozen=True):
    """One message: from the call until it returned, until it was received whole, and until it was decoded [s]."""

    publish: float
    received: float
    total: float
    copied: bool = False


class Message:
    """A random cache of about `size` bytes as fp16, and how a case encodes it."""

    def __init__(self, case: Case, size: int) -> None:
        import torch

        from laco.method.cache import KVCache, LayerKV

        per_token = 2 * 2 * LAYERS * HEADS * DIM
        heads = HEADS if size >= per_token else 1
        layers = LAYERS if size >= per_token else 1
        tokens = max(1, round(size / (4 * layers * heads * DIM)))
        drawn = torch.randn(layers, 2, heads, tokens, DIM, generator=torch.Generator().manual_seed(0))
        self.case = case
        self.cache = KVCache(tuple(LayerKV(k, v) for k, v in drawn), tuple(range(layers)), torch.arange(tokens)[None])
        self.payload = 4 * layers * heads * DIM * tokens
        self.chunks = len(self.encoded(0))

    def encoded(self, seq: int) -> "list[Chunk]":
        """The chunks of message number `seq`."""
        chunk_bytes = None if self.case.chunks == 1 else max(MTU, self.payload // self.case.chunks)
        return _encode(self.cache, seq, chunk_bytes, self.case.checksum)


def _encode(cache: "KVCache", seq: int, chunk_bytes: int | None, checksum: bool) -> "list[Chunk]":
    from laco.comm import encode

    return encode(
        cache, "fp16", chunk_bytes=chunk_bytes, checksum=checksum, sender=SENDER, addressee=LISTENER, seq=seq
    )


class Ends(Closing):
    """The publishing ends here, the receiving ends in a child; closes both."""

    def __init__(self) -> None:
        import zmq

        from laco.comm.link import new_socket
        from laco.comm.mesh import Mesh

        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._mesh = Mesh(SENDER, context=self._context, hwm=HWM)
        self._plain = new_socket(self._context, zmq.PUB, HWM)
        port = self._plain.bind_to_random_port("tcp://127.0.0.1")
        spawner = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawner.Pipe()
        self._child = spawner.Process(target=_receive, args=(theirs, self._mesh.endpoint, port), daemon=True)
        self._child.start()
        theirs.close()
        try:
            self._mesh.connect({LISTENER: self._heard()}, LIMIT)
            self._heard()
            for _ in range(OPENINGS):
                time.sleep(0.1)
                self._plain.send(b"")
            self._heard()
        except BaseException:
            self.close()
            raise

    def plain(self, message: Message) -> Turn:
        """The frames of a message by a plain PUB."""
        from laco.comm.link import topic

        chunk = message.encoded(0)[0]
        frames = [topic(LISTENER, 0), chunk.header, *chunk.buffers]
        self._expect((PLAIN, 0))
        began = time.perf_counter()
        self._plain.send_multipart(frames, copy=False)
        return self._turn(began, time.perf_counter())

    def publish(self, message: Message) -> Turn:
        """A message by the mesh."""
        seq = self._mesh.next_seq()
        chunks = message.encoded(seq)
        self._expect((FLOAT32 if message.case.float32 else message.case.name, seq))
        began = time.perf_counter()
        self._mesh.publish(LISTENER, chunks)
        return self._turn(began, time.perf_counter())

    def _expect(self, what: tuple[str, int]) -> None:
        self._pipe.send(what)
        self._heard()
        time.sleep(SETTLE)

    def _turn(self, began: float, returned: float) -> Turn:
        received, ended, copied = self._heard()
        return Turn(returned - began, received - began, ended - began, copied)

    def _heard(self) -> Any:
        try:
            if self._pipe.poll(LIMIT):
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise TransportError("the receiving process ended") from error
        raise TransportError(f"the receiving process has said nothing for {LIMIT:.0f} s")

    def close(self) -> None:
        self._pipe.close()
        self._child.join(5.0)
        if self._child.is_alive():
            self._child.kill()
            self._child.join()
        self._mesh.close()
        self._plain.close(linger=0)
        self._context.term()


def _receive(pipe: Connection, endpoint: str, port: int) -> None:
    """The child: receives what it is told to expect, decodes, and says when that was done."""
    import torch
    import zmq

    from laco.comm.link import new_socket
    from laco.comm.mesh import Mesh

    torch.set_num_threads(1)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    plain = new_socket(context, zmq.SUB, HWM)
    plain.subscribe(b"")
    plain.connect(f"tcp://127.0.0.1:{port}")
    with Mesh(LISTENER, context=context, hwm=HWM) as mesh:
        pipe.send(mesh.endpoint)
        mesh.connect({SENDER: endpoint}, LIMIT)
        pipe.send("linked")
        plain.recv()
        while plain.poll(300):  # the other openings
            plain.recv()
        pipe.send("heard")
        try:
            while True:
                kind, seq = pipe.recv()
                pipe.send("ready")
                pipe.send(_plain(plain) if kind == PLAIN else _mesh(mesh, seq, kind == FLOAT32))
        except (EOFError, OSError):  # the other end has closed: done
            plain.close(linger=0)
    context.term()


def _plain(socket: Any) -> tuple[float, float, bool]:
    socket.poll()
    frames = socket.recv_multipart(copy=False)
    ended = time.perf_counter()
    del frames
    return ended, ended, False


def _mesh(mesh: Any, seq: int, float32: bool) -> tuple[float, float, bool]:
    chunks = mesh.receive([(SENDER, seq)], LIMIT)[SENDER, seq]
    received = time.perf_counter()
    cache = _decode(chunks, float32)
    ended = time.perf_counter()
    return received, ended, not _within(cache.layers[0].keys.data_ptr(), chunks)


def _decode(chunks: "list[Chunk]", float32: bool) -> "KVCache":
    from laco.comm import decode

    return decode(chunks) if float32 else decode(chunks, dtype=None)


def _within(address: int, chunks: Sequence[Any]) -> bool:
    """Whether an address lies in a received buffer."""
    import numpy as np

    starts = [(np.frombuffer(b, np.uint8).ctypes.data, memoryview(b).nbytes) for c in chunks for b in c.buffers]
    return any(start <= address < start + size for start, size in starts)

"""Mutated messages against every reader: only `WireError` may come out, quickly, and in bounded memory.

Seeds are real messages, each codec of `available()` in one chunk and cut, with and without checksum, recipes, beacons
and plain bytes, and those of the corpus (tests/comm/corpus/messages.txt, also messages that once did harm). A mutation
flips bits, cuts or extends, splices two messages, edits a length, edits MessagePack fields by their meaning, fills a
buffer, or drops, repeats and mixes chunks. Most are given the right lengths and checksum afterwards: otherwise nearly
all would end at the checksum and say nothing about what is behind it. Message n of a seed is always the same one:
`--only n` runs it alone.

What limits the rate: what a message costs to refuse, some 100 us on one core; a few are read in full.

    python benchmarks/fuzz_wire.py [--messages 1000000] [--seed 0] [--jobs 2] [--only N] [--write-corpus]

Exit status 1 if anything but a WireError came out, a message took longer than 10 s, or memory grew by more than
1.5 GiB. The last line is one JSON object: counts by reason, peak memory, the slowest message.
"""

import argparse
import contextlib
import faulthandler
import json
import random
import re
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import xxhash

from laco.agents.observation import Beacon, Body
from laco.comm import Chunk, WireError, decode, decode_bytes, decode_partial, encode, encode_bytes, read_struct
from laco.comm.codecs import available, find
from laco.comm.recipe import RECIPE, Ingredients
from laco.comm.recipe import pack as recipe_bytes
from laco.comm.recipe import unpack as read_recipe
from laco.method.cache import KVCache, LayerKV

CORPUS = Path(__file__).parents[1] / "tests" / "comm" / "corpus" / "messages.txt"
BLOCK = 500  # messages a worker takes at a time
HANG = 10  # [s]
STUCK = 300  # [s] for a block
MOST = 3 << 29  # [bytes] that a process may grow by: a decoded message is at most 1 GiB
PREAMBLE = struct.Struct("<4sBBHIQ")
NUMBERS = (0, 1, 2, 3, 7, 31, 64, 127, 128, 255, 256, 4095, 4096, 32767, 32768, 65535, 65536, 2**31, 2**32, 2**62, -1)
META: dict[str, Any] = {"sender": "v1", "addressee": "v2", "seq": 7, "sim_time": 1.5, "pose": (10.0, -2.0, 0.25)}
MODEL = "0123456789abcdef" * 2
TABLED = "c6349e40bb10ca0b96e9cb389fcb465d"  # SmolLM2: 3 heads of 64; its codec table ships
Message = list[Chunk]


# --- seeds


def _cache(layers: int, heads: int, tokens: int, dim: int, axes: int = 1) -> KVCache:
    drawn = torch.randn(layers, 2, heads, tokens, dim, generator=torch.Generator().manual_seed(0))
    positions = torch.arange(tokens).expand(axes, tokens) * 3 + torch.arange(axes)[:, None]
    return KVCache(tuple(LayerKV(k, v) for k, v in drawn), tuple(range(3, 3 + layers)), positions)


def _recipe(ids: list[int], **changes: Any) -> bytes:
    whole: dict[str, Any] = {
        "ids": np.array(ids), "embeds": np.zeros((0, 0), np.float32), "positions": np.arange(len(ids))[None],
        "kept": np.ones(len(ids), bool), "layers": (0, 1),
    }  # fmt: skip
    return recipe_bytes(Ingredients(**(whole | changes)), half=True)


def real_messages(codecs: Sequence[str]) -> list[Message]:
    """Small ones of every kind and codec; always the same."""
    found: list[Message] = []
    for codec in codecs:
        if not find(codec).general:
            found += (
                encode(_cache(1, 3, 2, 64), codec, fingerprint=TABLED, **META),
                encode(_cache(3, 3, 9, 64), codec, chunk_bytes=2600, fingerprint=TABLED, **META),
            )
            continue
        found += (
            encode(_cache(1, 1, 2, 4), codec, fingerprint=MODEL, **META),
            encode(_cache(2, 2, 5, 8, axes=3), codec, checksum=False, base=3, **META),
            encode(_cache(3, 2, 9, 8), codec, chunk_bytes=600, fingerprint=MODEL, **META),
        )
    beacon = Beacon("v1", 1.5, Body(1, 2, 0, 3, 2, 1), ((0.0, 1.0), (5.0, 1.0)), 80.0, 8.3, MODEL)
    embedded = {"embeds": np.ones((2, 3), np.float32), "positions": np.array([[5, 3, 4, -3]]), "steps": 2}
    recipes = (_recipe([5, 9, 5, 70] * 20), _recipe([5, -1, 0, -1], **embedded), _recipe([7] * 300))
    found += [encode_bytes(payload, RECIPE, fingerprint=MODEL, **META) for payload in recipes]
    found.append(encode_bytes(recipes[0], RECIPE, fingerprint=MODEL, chunk_bytes=130, **META))
    found.append(encode_bytes(msgspec.msgpack.encode(beacon), "beacon", **META))
    found.append(encode_bytes(b"\x92\x00\x01", "hello", **META))
    return found


def written(messages: Sequence[Message]) -> str:
    """One message per line, its chunks in hexadecimal."""
    return "".join(" ".join(chunk.tobytes().hex() for chunk in message) + "\n" for message in messages)


def corpus() -> list[list[bytes]]:
    """The chunks of each message of the file, some of them damaged."""
    lines = CORPUS.read_text().splitlines()
    return [[bytes.fromhex(chunk) for chunk in line.split()] for line in lines if line and line[0] != "#"]


# --- mutations


@dataclass
class Raw:
    """A chunk taken apart: everything in it can be wrong."""

    start: bytes  # magic, versions, flags
    body: bytes
    buffers: list[bytes]
    length: int
    checksum: int

    @classmethod
    def of(cls, data: bytes) -> "Raw | None":
        """None for bytes that are no chunk at all."""
        try:
            chunk = Chunk.frombytes(data)
        except WireError:
            return None
        length, checksum = struct.unpack_from("<IQ", data, 8)
        return cls(data[:8], chunk.header[20:], [bytes(b) for b in chunk.buffers], length, checksum)

    def fixed(self, sizes: bool) -> "Raw":
        """With the right length and checksum, and if wanted the right sizes of the buffers."""
        body = self.body
        if sizes:
            with contextlib.suppress(Exception):  # a body that is no longer an array stays as it is
                fields = msgspec.msgpack.decode(body)
                fields[9] = [len(b) for b in self.buffers]
                body = msgspec.msgpack.encode(fields)
        start = self.start + struct.pack("<I", len(body))
        none = struct.unpack_from("<H", self.start, 6)[0] & 1
        checksum = 0 if none else xxhash.xxh3_64_intdigest(start + body + b"".join(self.buffers))
        return replace(self, body=body, length=len(body), checksum=checksum)

    def tobytes(self) -> bytes:
        return b"".join((self.start, struct.pack("<IQ", self.length, self.checksum), self.body, *self.buffers))


def flipped(rng: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if made else 0):
        made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def filled(rng: random.Random, data: bytes) -> bytes:
    """Bytes of the same length: all alike, random, or numbers of interest here and there."""
    how = rng.randrange(4)
    if how == 0:
        return bytes((rng.choice((0, 1, 0x7F, 0x80, 0xFF)),)) * len(data)
    if how == 1:
        return rng.randbytes(len(data))
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if len(made) >= 4:
            at = rng.randrange(len(made) - 3)
            made[at : at + 4] = struct.pack("<I", rng.choice(NUMBERS) & 0xFFFFFFFF)
    return bytes(made)


def resized(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return rng.choice((data[:at], data[at:], data + rng.randbytes(rng.randint(1, 40)), data * 2, b""))


def odd_value(rng: random.Random, value: Any, depth: int = 0) -> Any:
    """A value like this one, or one of another type."""
    if isinstance(value, list) and value and rng.random() < 0.7:
        made = list(value)
        at = rng.randrange(len(made))
        made[at] = odd_value(rng, made[at], depth + 1)
        return rng.choice((made, made * rng.choice((1, 2, 40)), made[:at], sorted(map(str, made))))
    if isinstance(value, int) and rng.random() < 0.6:
        return value + rng.choice((-2, -1, 1, 2, 64, 1000))
    many = rng.choice((2, 65, 513, 5000))
    texts = ("", "\0", "v" * many, b"\xff" * many, *available())
    odd = (None, True, 1e308, float("nan"), float("inf"), [], [0] * many, {}, [[]])
    return rng.choice((*NUMBERS, *NUMBERS, *odd, *texts))


def odd_fields(rng: random.Random, body: bytes) -> bytes:
    try:
        fields = msgspec.msgpack.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return flipped(rng, body)
    if not isinstance(fields, list) or not fields:
        return flipped(rng, body)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(fields))
        fields[at] = odd_value(rng, fields[at])
    if rng.random() < 0.1:
        fields += [odd_value(rng, 0) for _ in range(rng.randint(1, 8))]
    try:
        return msgspec.msgpack.encode(fields)
    except (TypeError, ValueError, OverflowError):
        return flipped(rng, body)


def changed(rng: random.Random, chunk: Raw, other: Raw) -> Raw:
    """One mutation of a chunk."""
    how = rng.randrange(20)
    if how == 0:
        return replace(chunk, start=flipped(rng, chunk.start))
    if how == 1:
        return replace(chunk, length=rng.choice((*NUMBERS, chunk.length + 1)) & 0xFFFFFFFF)
    if how == 2:
        return replace(chunk, buffers=list(other.buffers))
    if how <= 4:
        return replace(chunk, body=flipped(rng, chunk.body))
    if how >= 10 and chunk.buffers:
        at = rng.randrange(len(chunk.buffers))
        edit = rng.choice((flipped, flipped, filled, filled, resized))
        buffers = [edit(rng, b) if i == at else b for i, b in enumerate(chunk.buffers)]
        return replace(chunk, buffers=buffers)
    return replace(chunk, body=odd_fields(rng, chunk.body))


def mutated(rng: random.Random, message: list[bytes], other: list[bytes]) -> list[bytes]:
    """A message after one to three mutations, most often made consistent again."""
    made = []
    hit = rng.randrange(len(message))
    stranger = Raw.of(rng.choice(other))
    for i, data in enumerate(message):
        raw = Raw.of(data)
        if raw is None or stranger is None or i != hit:
            made.append(data)
            continue
        for _ in range(rng.choice((1, 1, 2, 3))):
            raw = changed(rng, raw, stranger)
        fix = rng.random()
        made.append((raw.fixed(sizes=fix < 0.5) if fix < 0.85 else raw).tobytes())
    how = rng.randrange(12)
    if how == 0:
        made[hit] = rng.choice((flipped, resized))(rng, made[hit])
    elif how == 1:
        a, b = made[hit], rng.choice(other)
        made[hit] = a[: rng.randint(0, len(a))] + b[rng.randint(0, len(b)) :]
    elif how == 2:
        made = [data for data in made if rng.random() < 0.7]
    elif how == 3:
        made += rng.choice((made[:1], other))
        rng.shuffle(made)
    return made


# --- readers


def read(chunks: list[Chunk]) -> None:
    """Everything a receiver does with a message of its kind. Raises WireError."""
    kind = chunks[0].info if chunks else None
    if kind is not None and not kind.codec:
        payload = decode_bytes(chunks)
        if kind.kind == RECIPE:
            read_recipe(payload)
        elif kind.kind == "beacon":
            read_struct(payload, Beacon, "a beacon")
        return
    part = decode_partial(chunks)
    for layer in part.cache.layers:
        for tensor in layer:
            if not torch.isfinite(tensor).all():
                raise AssertionError("a cache that holds NaN or infinity")
    if not 0.0 <= part.share <= 1.0 or part.cache.num_tokens < 0:
        raise AssertionError(f"a share of {part.share}")
    decode(chunks, dtype=None)


class HungError(Exception):
    """A message took longer than HANG."""


@contextlib.contextmanager
def watched() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Found:
    """What came of some messages. slowest: time [s] and number. failures: number, error and message of each."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    grown: int = 0  # [bytes] most memory beyond what the process had before the first message
    failures: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.counts += other.counts
        self.slowest = max(self.slowest, other.slowest)
        self.grown = max(self.grown, other.grown)
        self.failures += other.failures


def reason(error: WireError) -> str:
    """Its text without what differs between messages of one kind."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|b'.*", "_", str(error).split(" - at ")[0])
    return re.sub(r"[-\d.]*\d[\w.+-]*", "N", text)[:60]


class Fuzzer:
    """The seeds, and what message number n of a seed is."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        fresh = [[chunk.tobytes() for chunk in message] for message in real_messages(available())]
        self.seeds = fresh + (corpus() if CORPUS.exists() else [])
        self.before = peak()

    def message(self, number: int) -> list[bytes]:
        rng = random.Random(f"{self.seed}/{number}")
        return mutated(rng, rng.choice(self.seeds), rng.choice(self.seeds))

    def run(self, numbers: range) -> Found:
        found = Found()
        for number in numbers:
            data = self.message(number)
            began = time.perf_counter()
            try:
                with watched():
                    read([Chunk.frombytes(chunk) for chunk in data])
                found.counts["read"] += 1
            except WireError as error:
                found.counts[reason(error)] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
                found.counts["FAILED"] += 1
                found.failures.append((number, repr(error), " ".join(chunk.hex() for chunk in data)))
            found.slowest = max(found.slowest, (time.perf_counter() - began, number))
        found.grown = peak() - self.before
        return found


def peak() -> int:
    """Most memory the process has held [bytes]."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


_worker: list[Fuzzer] = []


def _begin(seed: int) -> None:
    torch.set_num_threads(1)
    _worker.append(Fuzzer(seed))


def _block(numbers: range) -> Found:
    # The alarm waits for compiled code to return; this does not, and ends the process.
    faulthandler.dump_traceback_later(STUCK, exit=True)
    try:
        return _worker[0].run(numbers)
    finally:
        faulthandler.cancel_dump_traceback_later()


def fuzz(messages: int, seed: int, jobs: int, progress: Callable[[int], None]) -> Found:
    """All messages, in worker processes, so that a crash of one is found, too."""
    blocks = [range(at, min(at + BLOCK, messages)) for at in range(0, messages, BLOCK)]
    found = Found()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (seed,)) as pool:
        pending = {numbers: pool.submit(_block, numbers) for numbers in blocks}
        for numbers, future in pending.items():
            try:
                found.add(future.result())
            except BrokenProcessPool:
                found.failures.append((numbers.start, f"a process died within {BLOCK} messages, or was stuck", ""))
                return found
            progress(numbers.stop)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", type=int, help="run this message alone, errors uncaught")
    parser.add_argument("--write-corpus", action="store_true", help="print the seeds that the corpus begins with")
    options = parser.parse_args()
    if options.write_corpus:
        sys.stdout.write(written(real_messages(("fp32", "fp16", "int8"))))
        return 0
    if options.only is not None:
        read([Chunk.frombytes(chunk) for chunk in Fuzzer(options.seed).message(options.only)])
        return 0
    began = time.perf_counter()

    def progress(done: int) -> None:
        if sys.stderr.isatty() or done % (20 * BLOCK) == 0 or done == options.messages:
            rate = done / (time.perf_counter() - began)
            print(f"\r{done} of {options.messages}, {rate:.0f}/s", end="", file=sys.stderr, flush=True)

    found = fuzz(options.messages, options.seed, options.jobs, progress)
    print(file=sys.stderr)
    for number, error, message in found.failures[:20]:
        print(f"message {number}: {error}\n  {message[:2000]}")
    done = sum(found.counts.values())
    good = not found.failures and found.grown <= MOST and done == options.messages
    summary = {
        "messages": done, "seed": options.seed, "read": found.counts.pop("read", 0), "failed": len(found.failures),
        "reasons": dict(found.counts.most_common()), "peak_growth_MiB": round(found.grown / 2**20, 1),
        "slowest_ms": round(1e3 * found.slowest[0], 1), "slowest_message": found.slowest[1],
        "seconds": round(time.perf_counter() - began, 1), "met": good,
    }  # fmt: skip
    print(json.dumps(summary))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Mutated messages: a few thousand of the million that benchmarks/fuzz_wire.py makes, and the corpus it starts from."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from laco.comm import Chunk, WireError
from laco.comm.codecs import available

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz_wire.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_wire", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_only_wire_errors_come_out(script: ModuleType) -> None:
    found = script.Fuzzer(seed=0).run(range(3000))
    assert found.failures == []
    assert sum(found.counts.values()) == 3000
    assert found.grown < script.MOST
    assert found.counts["read"] > 100  # mutations that leave a readable message: the readers behind are reached
    assert len(found.counts) > 30  # and are many


def test_a_failure_is_found_and_can_be_repeated(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(chunks: list[Chunk]) -> None:
        raise IndexError("boom")

    monkeypatch.setattr(script, "read", broken)
    fuzzer = script.Fuzzer(seed=3)
    found = fuzzer.run(range(20))
    number, error, message = found.failures[0]
    assert "IndexError" in error
    assert message == " ".join(chunk.hex() for chunk in fuzzer.message(number))


def test_a_hang_is_cut_short(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(chunks: list[Chunk]) -> None:
        while True:
            pass

    monkeypatch.setattr(script, "read", endless)
    monkeypatch.setattr(script, "HANG", 1)
    fuzzer = script.Fuzzer(seed=0)
    monkeypatch.setattr(fuzzer, "message", lambda number: fuzzer.seeds[0])
    assert "Hung" in fuzzer.run(range(1)).failures[0][1]


def test_the_seeds_are_messages_of_every_codec_and_kind(script: ModuleType) -> None:
    messages = script.real_messages(available())
    for message in messages:
        script.read(message)
    heads = [message[0].info for message in messages]
    assert {head.codec for head in heads} == {"", *available()}
    assert {head.kind for head in heads} == {"kv", "recipe", "beacon", "hello"}
    assert any(len(message) > 3 for message in messages)


def test_the_corpus_is_what_it_says(script: ModuleType) -> None:
    """Its first lines are the messages of today's writer: a change of the format must not go unseen."""
    text = script.CORPUS.read_text()
    assert text.startswith(script.written(script.real_messages(("fp32", "fp16", "int8"))))
    assert len(text) < 100_000
    for message in script.corpus():
        try:
            script.read([Chunk.frombytes(chunk) for chunk in message])
        except WireError:
            continue

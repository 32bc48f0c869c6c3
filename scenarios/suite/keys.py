"""What a row is filed under: a digest of the run's options, in which every file stands for what it holds."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from laco.agents.drivers import facts
from laco.agents.drivers.lora_file import file_of, parted
from laco.agents.drivers.weights_file import SHIPPED, shipped
from laco.method import registry
from laco.scenarios.session import FREE_CAUTION, Options

WHOLE = 64 << 20  # [bytes] larger files are known by their size and
EDGE = 1 << 20  # [bytes] that much of either end


def key_of(options: Options) -> str:
    """The same for the same run: the scenario's versioned id, every option, and the contents of all files."""
    plain: dict[str, Any] = msgspec.to_builtins(options)
    plain["laco"] = asdict(options.laco)  # msgspec leaves out what a profile's file left out
    plain["weights"] = weights_fingerprint(options)
    plain["adapters"] = [fingerprint(path) for path in options.adapters]
    plain["radio"]["trace"] = fingerprint(options.radio.trace) if options.radio.trace else ""
    return digest(plain)


def free_key(scenario: str, seed: int, twin: bool) -> str:
    """Under which the unobstructed expert's times are filed."""
    return digest({"scenario": scenario, "seed": seed, "twin": twin, "caution": FREE_CAUTION})


def digest(value: Any) -> str:
    """Of plain values."""
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(value, order="sorted"))


def weights_fingerprint(options: Options) -> str:
    """Of the file or folder that the driver loads; a model that is not on this machine is known by its name."""
    if facts(options.driver).model is None:
        return fingerprint(options.weights or str(shipped() / SHIPPED))
    model, wanted = parted(options.weights)
    where = registry.locate(model)
    found = fingerprint(where) if Path(where).exists() else f"name {where}"
    lora = file_of(model, wanted) if options.driver == "llm" else None
    return found if lora is None or not lora.is_file() else f"{found} {fingerprint(str(lora))}"


@cache
def fingerprint(path: str) -> str:
    """Of a file, or of all files of a folder by their relative names. It is read once per process."""
    root = Path(path)
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    hashed = xxhash.xxh3_128()
    for file in files:
        hashed.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
        _update(hashed, file)
    return hashed.hexdigest()


def _update(hashed: Any, path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            hashed.update(file.read())
            return
        hashed.update(file.read(EDGE))
        file.seek(size - EDGE)
        hashed.update(file.read(EDGE))

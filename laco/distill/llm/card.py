"""What a fine-tuning run took, and the model card that says so."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from laco.agents.drivers.lora_file import card_of
from laco.profiling.energy import metered

COSTS = "cost.jsonl"
T = TypeVar("T")


def costed(folder: Path, what: str, work: Callable[[], T]) -> T:
    """Do some work and note what it took; what an interrupted call took is noted too, as a part."""
    done, made = False, None
    with metered() as meter:
        try:
            made, done = work(), True
        finally:
            figures = {"what": what if done else f"{what} (part)", **meter.figures()}
            with (folder / COSTS).open("a") as file:
                file.write(json.dumps(figures) + "\n")
    return made


def costs(folder: Path) -> list[dict[str, Any]]:
    """What everything in a folder took so far; a torn last line is left out."""
    path, found = folder / COSTS, []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def write(folder: Path, lora: Path, model: str, held: str) -> Path:
    """The card beside the LoRA file. held: how its answers fare on rows that it has not learnt from."""
    card, taken = card_of(lora), costs(folder)
    rows = [f"| {c['what']} | {c['wall_s']:.0f} | {c['cpu_s']:.0f} | {_joules(c)} |" for c in taken]
    text = [
        f"# {lora.name}: a LoRA that makes {model} drive",
        "",
        "| | |",
        "|---|---|",
        f"| SHA-256 | `{hashlib.sha256(lora.read_bytes()).hexdigest()}` |",
        f"| bytes | {lora.stat().st_size:,} |",
        f"| for the model with fingerprint | `{card.model}` |",
        f"| layers that hear peers | {_layers(card.layers)} |",
        f"| recipe | `{card.recipe}` |",
        f"| held-out rows | {held} |",
        "",
        "| step | wall clock s | processor s | energy |",
        "|---|---|---|---|",
        *rows,
    ]
    path = lora.with_suffix(".md")
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(text) + "\n")
    part.replace(path)
    return path


def _joules(cost: dict[str, Any]) -> str:
    return "n/a" if cost["joules"] is None else f"{cost['joules']:.0f} J ({cost['source']})"


def _layers(layers: tuple[int, ...]) -> str:
    return f"{layers[0]}-{layers[-1]}" if layers else "none: it has not heard any"

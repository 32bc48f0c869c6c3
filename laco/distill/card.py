"""The model card that every recipe leaves beside its weights."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from laco.agents.drivers.vector import VectorDriver
from laco.distill.evaluate import Errors
from laco.distill.ledger import Ledger, Spent
from laco.distill.recipe import Recipe, Stage
from laco.distill.seeds import FIRST_SEED


def text(
    recipe: Recipe,
    path: Path,
    driver: VectorDriver,
    samples: Mapping[str, int],
    ledgers: Mapping[str, Ledger],
    figures: Errors,
) -> str:
    """Markdown. samples: of each stage's own data."""
    data = path.read_bytes()
    count = sum(p.numel() for p in driver.model.parameters())
    shape = driver.shape
    rows = [
        ("size", f"{count:,} parameters, float32, `{path.name}` ({len(data):,} bytes)"),
        ("SHA-256", f"`{hashlib.sha256(data).hexdigest()}`"),
        ("fingerprint", f"`{driver.fingerprint}`"),
        (
            "architecture",
            f"width {shape.width}, {shape.layers} layers, {shape.heads} heads, {shape.kv_heads} key/value heads",
        ),
        ("recipe", f"`{recipe.name}`, seed {recipe.seed}, begun from {recipe.start}: {recipe.summary}"),
        ("data", f"{sum(samples.values()):,} samples of the catalogue's generators, layout seeds from {FIRST_SEED} up"),
        ("kinds held out", ", ".join(recipe.held_out) or "none"),
        ("held-out error", f"{figures.alone:.3f} m/s alone, {figures.joint:.3f} reading, {figures.heard:.3f} hearing"),
        ("never seen in training", f"layout seeds below {FIRST_SEED}, and the kinds held out"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    stages = "\n".join(_stage(stage, samples[stage.name], ledgers.get(stage.name, Ledger())) for stage in recipe.stages)
    return (
        f"# Model card: {path.stem}\n\n"
        "A driver of LACO: a Llama-style decoder over object tokens (`agents/drivers/vector_model.py`).\n\n"
        f"| | |\n|---|---|\n{table}\n\n"
        "| stage | own samples | steps | losses | teacher | student |\n|---|---|---|---|---|---|\n"
        f"{stages}\n\n"
        "Teacher and student: processor time, and energy where a counter can be read. The held-out error is that of\n"
        "the median target speed on seeds of the generator that training did not draw.\n\n"
        "**Limits.** Made for the shipped maps and scenarios; it predicts others along their ways and knows no\n"
        "traffic lights. It is a research vehicle for communication, not a driver for roads.\n"
    )


def _stage(stage: Stage, samples: int, ledger: Ledger) -> str:
    losses = ", ".join(f"{loss.weight:g} {loss.__struct_config__.tag}" for loss in stage.losses)
    steps = f"{stage.leave or stage.steps:,} x {stage.batch}"
    spent = " | ".join(_spent(ledger.spent[who]) for who in ("teacher", "student"))
    return f"| {stage.name} | {samples:,} | {steps} | {losses} | {spent} |"


def _spent(spent: Spent) -> str:
    energy = "energy n/a" if spent.joules is None else f"{spent.joules / 1e3:.1f} kJ ({spent.source})"
    return f"{spent.cpu_s:.0f} CPU s, {energy}"

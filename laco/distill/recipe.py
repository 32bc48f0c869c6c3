"""A recipe: teacher, student, losses, samplers and stages, as a YAML file that is checked when it is read."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from laco.agents.drivers.weights_file import Shape
from laco.config import Place
from laco.distill.losses import AnyLoss
from laco.distill.passes import Way
from laco.distill.samplers import AnySampler
from laco.distill.samplers.uniform import Uniform
from laco.distill.seeds import HELD_OUT
from laco.errors import ConfigError

Teacher = Literal["self", "frozen"]
Pilot = Literal["expert", "silent", "observation", "latent"]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
LEAST_STEPS, LEAST_SAMPLES = 20, 40  # of a scaled stage


class Hearing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How caches are heard while training; each batch draws one of each, and a kept share per peer.

    steps: latent steps m. keep: lowest and highest kept share. bands: layer bands. places: as in `LacoConfig`.
    gaps: share of batches with random gaps between positions.
    """

    steps: tuple[Annotated[int, Meta(ge=0)], ...] = (0, 1, 2, 5, 10)
    keep: tuple[Share, Share] = (0.3, 1.0)
    bands: tuple[tuple[Annotated[int, Meta(ge=0)], ...], ...] = ((0, 1),)
    places: tuple[Place, ...] = ("prefix",)
    gaps: float = 0.5

    def draw(self, rng: np.random.Generator, peers: int) -> Way:
        """A way for a batch with so many peers' segments."""
        import torch

        band = self.bands[int(rng.integers(len(self.bands)))]
        place = self.places[int(rng.integers(len(self.places)))]
        keep = torch.from_numpy(rng.uniform(*self.keep, size=max(peers, 1)).astype(np.float32))
        whole = torch.from_numpy(rng.random(max(peers, 1)) < 0.1)  # now and then all of it
        first = {"prefix": 0, "after_sink": 1, "before_last": -1}[place]
        keep = torch.where(whole, torch.full_like(keep, self.keep[1]), keep)[:peers]
        return Way(int(rng.choice(self.steps)), band, keep, first, bool(rng.random() < self.gaps))


class Collect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New data of a stage. seeds: of its files. samples: in each. pilots: who drives, drawn anew for each layout, as
    often as named. jitter: share of views that are also labelled from beside the route."""

    seeds: tuple[int, ...]
    samples: Positive = 5000
    pilots: tuple[Pilot, ...] = ("expert",)
    jitter: float = 0.0


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One round: collect, then train.

    uses: stages whose data it trains on, its own if none is named. steps, rate: of its schedule, which is left after
    step `leave`, if given. batch: samples per step. teacher: of losses that have one, the student itself as it is or
    as it was when the stage began. save_as: a name under which its weights are also written, with a card of their own.
    """

    name: str
    steps: Positive
    losses: tuple[AnyLoss, ...]
    collect: Collect | None = None
    uses: tuple[str, ...] = ()
    rate: float = 1e-3
    batch: Positive = 128
    leave: Positive | None = None
    sampler: AnySampler = Uniform()
    teacher: Teacher = "frozen"
    hearing: Hearing = Hearing()
    save_as: str = ""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """start: a weights file's path, the name of shipped weights, or "scratch", which begins with random weights of
    `shape`. held_out: kinds of scenario that are never trained on. held: samples to validate on."""

    name: str
    summary: str
    stages: tuple[Stage, ...]
    start: str = "scratch"
    shape: Shape = msgspec.field(default_factory=Shape)
    held_out: tuple[str, ...] = HELD_OUT
    held: Positive = 1500
    seed: int = 1

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names) or not names:
            raise ValueError("stages need names of their own, and there must be one")
        for number, stage in enumerate(self.stages):
            if missing := set(stage.uses) - set(names[: number + 1]):
                raise ValueError(f"stage {stage.name!r} uses data of {', '.join(sorted(missing))}, which come later")


def shipped() -> dict[str, str]:
    """Names and summaries of the recipes that come with the package."""
    found = {}
    for file in sorted(_folder().iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            recipe = _decoded(file.read_bytes(), file.name)
            found[recipe.name] = recipe.summary
    return found


def load(name: str) -> Recipe:
    """A recipe by its name, or from a YAML file. Raises: ConfigError for what is none."""
    if name.endswith((".yaml", ".yml")):
        try:
            return _decoded(Path(name).read_bytes(), name)
        except OSError as error:
            raise ConfigError(f"cannot read {name}: {error.strerror}") from error
    file = _folder() / f"{name}.yaml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        raise ConfigError(f"no recipe {name!r}; there are {', '.join(shipped())}, or name a .yaml file")
    return _decoded(file.read_bytes(), name)


def scaled(recipe: Recipe, share: float) -> Recipe:
    """The recipe with a share of its samples and steps."""
    stages = tuple(_scaled(stage, share) for stage in recipe.stages)
    return msgspec.structs.replace(recipe, stages=stages, held=_part(recipe.held, share, LEAST_SAMPLES))


def _scaled(stage: Stage, share: float) -> Stage:
    collect = stage.collect
    if collect is not None:
        collect = msgspec.structs.replace(collect, samples=_part(collect.samples, share, LEAST_SAMPLES))
    leave = None if stage.leave is None else _part(stage.leave, share, 1)
    return msgspec.structs.replace(stage, steps=_part(stage.steps, share, LEAST_STEPS), leave=leave, collect=collect)


def _part(count: int, share: float, least: int) -> int:
    return min(count, max(least, int(count * share)))


def _folder() -> "resources.abc.Traversable":
    return resources.files("laco.distill") / "recipes"


def _decoded(text: bytes, name: str) -> Recipe:
    try:
        return msgspec.yaml.decode(text, type=Recipe)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{name} is not a recipe: {' '.join(str(error).split())}") from error

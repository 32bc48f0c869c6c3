"""A recipe from start to end in one folder. What is there is kept, so a run that was killed goes on where it was."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import torch

from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.agents.drivers.weights_file import locate
from laco.distill import card
from laco.distill.engine import Training
from laco.distill.evaluate import errors
from laco.distill.gather import Order, gather
from laco.distill.ledger import Ledger
from laco.distill.passes import Way
from laco.distill.recipe import Collect, Recipe, Stage
from laco.distill.samples import Data
from laco.errors import ConfigError
from laco.profiling.energy import metered
from laco.report.files import write_bytes, write_json

Report = Callable[[str], None]
HELD_SEED = 5


@dataclass
class Kitchen:
    """One run of a recipe. jobs: processes that collect, and threads that train."""

    recipe: Recipe
    folder: Path
    report: Report
    jobs: int = 1
    ledgers: dict[str, Ledger] = field(default_factory=dict)

    def cook(self) -> Path:
        """Everything that is missing; returns the weights file, its model card beside it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim()
        self._gather("held", Collect((HELD_SEED,), self.recipe.held), self.recipe.stages[0], "")
        driver = self._start()
        for stage in self.recipe.stages:
            driver = self._stage(stage, driver)
            if stage.save_as:
                self._write(stage.save_as, driver, stage)
        return self._write(self.recipe.name, driver, self.recipe.stages[-1])

    def _write(self, name: str, driver: VectorDriver, last: Stage) -> Path:
        """Weights as they are after stage `last`, and their card."""
        path = self.folder / f"{name}.safetensors"
        driver.save(path, msgspec.structs.asdict(driver.shape), {"recipe": self.recipe.name})
        figures = errors(driver.model, self._held, middle(last), driver.backbone.input_norm)
        stages = self.recipe.stages[: self.recipe.stages.index(last) + 1]
        counts = {stage.name: self._samples(stage) for stage in stages}
        told = msgspec.structs.replace(self.recipe, stages=stages)
        write_bytes(path.with_suffix(".md"), card.text(told, path, driver, counts, self.ledgers, figures).encode())
        return path

    def _claim(self) -> None:
        """Raises: ConfigError for a folder in which another recipe was cooked."""
        path, plain = self.folder / "recipe.json", msgspec.to_builtins(self.recipe)
        if not path.exists():
            return write_json(path, plain)
        if msgspec.json.decode(path.read_bytes()) != msgspec.json.decode(msgspec.json.encode(plain)):
            raise ConfigError(f"{self.folder} holds another recipe, scale or seed: choose another folder")

    def _start(self) -> VectorDriver:
        """The driver that the first stage begins with."""
        if self.recipe.start != "scratch":
            return VectorDriver.load(locate(self.recipe.start))
        torch.manual_seed(self.recipe.seed)
        model = VectorModel(**msgspec.structs.asdict(self.recipe.shape))
        return VectorDriver(model, input_norm(model, self._held))

    @property
    def _held(self) -> Data:
        return Data.read([self.folder / f"held-{HELD_SEED}.npz"])

    def _stage(self, stage: Stage, before: VectorDriver) -> VectorDriver:
        """One stage's weights: read, or made."""
        path = self.folder / f"{stage.name}.safetensors"
        start = self.folder / f"{stage.name}.start.safetensors"
        if path.exists():
            self.ledgers[stage.name] = self._spent(stage)
            return VectorDriver.load(path)
        shape = msgspec.structs.asdict(before.shape)
        if stage.collect is not None:
            before.save(start, shape, {})
            self._gather(stage.name, stage.collect, stage, str(start))
        ledger = self._train(stage, before)
        write_json(self.folder / f"{stage.name}.spent.json", ledger.dump())
        after = VectorDriver(before.model, before.backbone.input_norm)
        after.save(path, shape, {})
        start.unlink(missing_ok=True)
        self.ledgers[stage.name] = ledger
        return after

    def _train(self, stage: Stage, before: VectorDriver) -> Ledger:
        uses = stage.uses or (stage.name,)
        data = Data.read([p for name in uses for p in self._files(self._named(name))])
        held, way, norm = self._held, middle(stage), before.backbone.input_norm
        self.report(f"{stage.name}: {len(data)} samples")

        def validate(model: VectorModel) -> str:
            return str(errors(model, held, way, norm))

        checkpoint = self.folder / f"{stage.name}.ckpt"
        threads = torch.get_num_threads()
        torch.set_num_threads(self.jobs)
        try:
            with metered() as meter:
                run = Training(before.model, data, stage, self.recipe.seed, norm, checkpoint, self.report, validate)
                ledger = run.run()
        finally:
            torch.set_num_threads(threads)
        ledger.share(meter.figures())
        ledger.join(self._collected(stage))
        return ledger

    def _gather(self, name: str, collect: Collect, stage: Stage, weights: str) -> None:
        """A stage's data files, and what they took."""
        files = [self.folder / f"{name}-{seed}.npz" for seed in collect.seeds]
        held_out = self.recipe.held_out
        pairs = zip(files, collect.seeds, strict=True)
        orders = [
            Order(str(f), 1000 * self.recipe.seed + s, collect, stage.hearing, held_out, weights) for f, s in pairs
        ]
        if all(f.exists() for f in files):
            return
        began = time.perf_counter()
        with metered() as meter:
            made = gather(orders, self.jobs)
        ledger, figures = self._collected(stage) if name != "held" else Ledger(), meter.figures()
        ledger.collected(sum(m.teacher for m in made), sum(m.student for m in made), figures)
        if name != "held":
            write_json(self.folder / f"{name}.collected.json", ledger.dump())
        self.report(f"{name}: {sum(m.samples for m in made)} samples in {time.perf_counter() - began:.0f} s")

    def _collected(self, stage: Stage) -> Ledger:
        return _ledger(self.folder / f"{stage.name}.collected.json")

    def _spent(self, stage: Stage) -> Ledger:
        return _ledger(self.folder / f"{stage.name}.spent.json")

    def _named(self, name: str) -> Stage:
        return next(stage for stage in self.recipe.stages if stage.name == name)

    def _files(self, stage: Stage) -> list[Path]:
        seeds = stage.collect.seeds if stage.collect is not None else ()
        return [self.folder / f"{stage.name}-{seed}.npz" for seed in seeds]

    def _samples(self, stage: Stage) -> int:
        return len(Data.read(self._files(stage))) if stage.collect is not None else 0


def middle(stage: Stage) -> Way:
    """One way of hearing to validate on: the median of the stage's steps, its first band, the middle share kept."""
    hearing = stage.hearing
    steps = sorted(hearing.steps)[len(hearing.steps) // 2]
    return Way(steps, hearing.bands[0], sum(hearing.keep) / 2)


@torch.no_grad()
def input_norm(model: VectorModel, held: Data) -> float:
    """Mean norm of a token embedding: what latent steps are rescaled to."""
    features = torch.from_numpy(held.features.astype("float32"))
    embeds = model.embed(features, torch.from_numpy(held.kinds.astype("int64")))
    return float(embeds.norm(dim=-1).mean())


def _ledger(path: Path) -> Ledger:
    return Ledger.load(msgspec.json.decode(path.read_bytes())) if path.exists() else Ledger()

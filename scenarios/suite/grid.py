"""The runs of a suite: every line on every scenario, seed and twin."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from laco.agents.channels import PAYLOADS, TRANSFERS, require
from laco.agents.channels.rate import budget_of
from laco.agents.drivers import facts
from laco.agents.drivers.check import adapters_of, weights_of
from laco.agents.drivers.profile import of as profile_of
from laco.comm.codecs import available
from laco.comm.codecs.extra import prepare
from laco.comm.radio import RadioSpec
from laco.config import LacoConfig, check_choice
from laco.errors import ConfigError
from laco.scenarios.catalog import SCENARIOS, find
from laco.scenarios.clock import Clock
from laco.scenarios.session import Options
from laco.scenarios.suite.keys import free_key, key_of
from laco.scenarios.suite.spec import BEST_SILENT, Setting, Suite

ALL = "all"


@dataclass(frozen=True)
class Line:
    """A line of the table: a setting with a driver, a radio and a time mode. base: its options but for the layout."""

    setting: Setting
    driver: str
    radio: str
    time: str
    base: Options

    @property
    def variant(self) -> tuple[str, str, str]:
        """What lines must share to be compared."""
        return self.driver, self.radio, self.time


@dataclass(frozen=True)
class Job:
    """A run: its line's number, its options, and the keys of its row and of its layout's free times."""

    line: int
    options: Options
    key: str
    free: str

    @property
    def kind(self) -> tuple[str, str]:
        """Runs of a kind take about the same time."""
        return self.options.driver, self.options.channel


@dataclass(frozen=True)
class Grid:
    """A suite, resolved. skipped: settings that a driver cannot carry, in words."""

    suite: Suite
    scenarios: tuple[str, ...]
    seeds: tuple[int, ...]
    lines: tuple[Line, ...]
    skipped: tuple[str, ...]
    jobs: tuple[Job, ...]

    def title(self, line: Line) -> str:
        """The line's name, with what the suite has several of."""
        axes = ((self.suite.drivers, line.driver), (self.suite.radios, line.radio), (self.suite.times, line.time))
        return ", ".join([line.setting.name, *(Path(value).stem for values, value in axes if len(values) > 1)])


def expand(suite: Suite, world: str = "") -> Grid:
    """All runs, seed by seed, so that what is cut short compares.

    world: what drives them, where that is not the embedded server: its runs are filed apart.
    Raises: ConfigError, ScenarioError, BackboneError.
    """
    names = [s.id for s in SCENARIOS] if ALL in suite.scenarios else suite.scenarios
    scenarios = tuple(dict.fromkeys(find(name).id for name in names))
    lines, skipped = _lines(suite)
    if not lines:
        raise ConfigError(f"nothing to drive: {'; '.join(skipped)}")
    if suite.baseline != BEST_SILENT and suite.baseline not in {line.setting.name for line in lines}:
        raise ConfigError(f"no setting is called {suite.baseline!r}, the baseline")
    seeds = suite.seed_values()
    jobs = [_filed(job, world) for job in _jobs(suite, scenarios, seeds, lines)]
    return Grid(suite, scenarios, seeds, tuple(lines), tuple(skipped), tuple(jobs))


def _lines(suite: Suite) -> tuple[list[Line], list[str]]:
    lines, skipped = [], []
    for driver in suite.drivers:
        facts(driver)
        for setting in suite.settings:
            if setting.drivers and driver not in setting.drivers:
                continue
            try:
                require(setting.channel, driver)
            except ConfigError as error:
                if len(suite.drivers) == 1:
                    raise
                skipped.append(f"{setting.name}: {error}")
                continue
            for radio in suite.radios:
                for time in suite.times:
                    lines.append(Line(setting, driver, radio, time, resolve(setting, driver, radio, time)))
    return lines, skipped


def resolve(setting: Setting, driver: str, radio: str, time: str) -> Options:
    """The options of a setting, without a layout. Raises: ConfigError, BackboneError."""
    weights = weights_of(driver, Path(setting.weights) if setting.weights else None, setting.model or None)
    profile = profile_of(driver, weights, Path(setting.calibration) if setting.calibration else None)
    codec = setting.codec or profile.codec
    check_choice("codec", codec, (*available(), *TRANSFERS))
    check_choice("payload", setting.payload, PAYLOADS)
    prepare(codec)
    air = RadioSpec.from_text(radio)
    Clock.from_text(time)
    return Options(
        scenario="",
        channel=setting.channel,
        driver=driver,
        caution=profile.caution if setting.caution is None else setting.caution,
        codec=codec,
        laco=changed(profile.laco, setting.laco),
        budget=budget_of(codec, setting.budget, setting.deadline, air.goodput),
        ways=profile.ways if codec == "auto" else (),
        calibrated=profile.measured.fingerprint if setting.calibration and profile.measured else "",
        adapters=adapters_of([Path(path) for path in setting.adapters]),
        radio=air,
        time=time,
        weights=weights,
        payload=setting.payload,
    )


def changed(laco: LacoConfig, changes: dict[str, Any]) -> LacoConfig:
    """The method's options with some of them changed. Raises: ConfigError."""
    plain = asdict(laco)
    if unknown := sorted(set(changes) - set(plain)):
        raise ConfigError(f"laco has no option {unknown[0]!r}; there are {', '.join(plain)}")
    try:
        return msgspec.convert({**plain, **changes}, LacoConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"laco: {error}") from error


def _jobs(suite: Suite, scenarios: tuple[str, ...], seeds: tuple[int, ...], lines: list[Line]) -> Iterator[Job]:
    for scenario in scenarios:
        for seed in seeds:
            for twin in suite.twin_values():
                free = free_key(scenario, seed, twin)
                for number, line in enumerate(lines):
                    options = msgspec.structs.replace(line.base, scenario=scenario, seed=seed, twin=twin)
                    if options.payload == "other":
                        options = msgspec.structs.replace(options, other=key_of(recording(options)))
                    yield Job(number, options, key_of(options), free)


def _filed(job: Job, world: str) -> Job:
    """The job under keys that say in which world it is driven."""
    return replace(job, key=f"{world}-{job.key}", free=f"{world}-{job.free}") if world else job


def recording(options: Options) -> Options:
    """The run whose payloads a run with payload "other" sends: the next seed's, with its hazard.

    Its key is what `Options.other` says; to be recorded under it, it is driven with `record` set to that.
    """
    return msgspec.structs.replace(options, seed=options.seed + 1, twin=False, payload="true", other="", record="")

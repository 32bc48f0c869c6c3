"""A suite's definition, as a YAML file or the options of `laco compare` give it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from laco.agents.drivers import DRIVERS, weights_file
from laco.agents.drivers.lora_file import PLAIN
from laco.errors import ConfigError

BEST_SILENT = "best silent"
PATHS = ("weights", "calibration")


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named set of changes to a run's options: a line of the table for each driver, radio and time mode.

    What is not given is the driver's own. laco: changes to the calibrated `LacoConfig`. budget [bytes], deadline [ms]:
    for the codec "auto". against: the setting whose difference is shown, instead of the suite's baseline. drivers:
    those that it is for; () for all of the suite.
    """

    name: Annotated[str, Meta(min_length=1)]
    channel: str = "latent"
    caution: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    codec: str | None = None
    payload: str = "true"
    weights: str = ""
    model: str = ""
    adapters: tuple[str, ...] = ()
    calibration: str = ""
    laco: dict[str, Any] = {}
    budget: int | None = None
    deadline: float | None = None
    against: str = ""
    drivers: tuple[str, ...] = ()


class Gap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which share of the way from setting `low` up to setting `high` the setting `closes` goes, on timely DS."""

    closes: str
    low: str = BEST_SILENT
    high: str


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is to be driven. Seeds below 1000 are for tests; whoever develops uses others.

    scenarios: ids, or names for the newest version; "all" for the whole catalogue. seeds: 3, "0-9", "0-4,10-14".
    twins: which of a seed's two layouts. radios: presets or YAML files. times: frozen, charged, charged:MS.
    baseline: the setting that the others are held against; "best silent" is the best of all whose channel is silent.
    limit: wall-clock time after which a run is ended [s]; None for 300 s, or two hours with a language model.
    hosts: agent host processes per job.
    """

    scenarios: Annotated[tuple[str, ...], Meta(min_length=1)]
    settings: Annotated[tuple[Setting, ...], Meta(min_length=1)]
    seeds: str | int = "0-9"
    twins: Literal["both", "hazard", "twin"] = "both"
    drivers: Annotated[tuple[str, ...], Meta(min_length=1)] = ("vector",)
    radios: Annotated[tuple[str, ...], Meta(min_length=1)] = ("ideal",)
    times: Annotated[tuple[str, ...], Meta(min_length=1)] = ("frozen",)
    baseline: str = BEST_SILENT
    gaps: tuple[Gap, ...] = ()
    limit: Annotated[float, Meta(gt=0.0)] | None = None
    hosts: Annotated[int, Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        names = [setting.name for setting in self.settings]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"two settings are called {twice!r}")
        known = {*names, BEST_SILENT}
        for name in (*(s.against for s in self.settings), *(n for g in self.gaps for n in (g.closes, g.low, g.high))):
            if name and name not in known:
                raise ConfigError(f"no setting is called {name!r}")

    def twin_values(self) -> tuple[bool, ...]:
        """The values of `Options.twin` to drive."""
        return {"both": (False, True), "hazard": (False,), "twin": (True,)}[self.twins]

    def seed_values(self) -> tuple[int, ...]:
        """All seeds, ascending. Raises: ConfigError."""
        return seeds_of(str(self.seeds))

    def limit_of(self, driver: str) -> float:
        """The watchdog's time for one run [s]."""
        if self.limit is not None:
            return self.limit
        return 300.0 if DRIVERS[driver].model is None else 7200.0


def seeds_of(text: str) -> tuple[int, ...]:
    """ "0-4,10" is 0, 1, 2, 3, 4 and 10. Raises: ConfigError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise ConfigError(f"seeds are numbers and ranges like 0-9 or 0-4,10-14, not {text!r}")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def read(path: Path) -> Suite:
    """A suite from its file; paths in it are relative to it. Raises: ConfigError."""
    try:
        suite = msgspec.yaml.decode(path.read_bytes(), type=Suite)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is not a suite: {' '.join(str(error).split())}") from error
    return absolute(suite, path.absolute().parent)


def dump(suite: Suite) -> bytes:
    """The suite as the text of a file that `read` reads; what is as by default is left out."""
    plain: dict[str, Any] = msgspec.to_builtins(suite)
    kept = {name: value for name, value in plain.items() if name == "settings" or value != _default(Suite, name)}
    kept["settings"] = [
        {name: value for name, value in setting.items() if name == "name" or value != _default(Setting, name)}
        for setting in plain["settings"]
    ]
    return msgspec.yaml.encode(kept)


def _default(struct: type[msgspec.Struct], name: str) -> Any:
    field = next(f for f in msgspec.structs.fields(struct) if f.name == name)
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return msgspec.to_builtins(field.default) if field.default is not msgspec.NODEFAULT else msgspec.NODEFAULT


def absolute(suite: Suite, folder: Path) -> Suite:
    """The suite with every relative path put into a folder: it can be read from anywhere then. Shipped weights keep
    their names."""
    settings, names = [], (*weights_file.names(), PLAIN)
    for setting in suite.settings:
        given = {n: v for n in PATHS if (v := getattr(setting, n))}
        found: dict[str, Any] = {n: v if v in names else str(folder / v) for n, v in given.items()}
        found["adapters"] = tuple(str(folder / path) for path in setting.adapters)
        settings.append(msgspec.structs.replace(setting, **found))
    radios = tuple(str(folder / r) if r.endswith((".yaml", ".yml")) else r for r in suite.radios)
    return msgspec.structs.replace(suite, settings=tuple(settings), radios=radios)

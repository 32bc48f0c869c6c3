"""The agent YAML and planner YAMLs that LangCoop's agent, and ours for its neighbours, are configured with."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from laco.comm.radio.presets import find as find_radio
from laco.errors import ConfigError
from laco.langcoop.checkout import Checkout
from laco.langcoop.evaluators import LANGCOOP
from laco.report.files import prepare, write_bytes

AGENT = "agent.yaml"
HYPES = "vlmdrive/agent/hypes_yaml"
CONTROLLER = "vlmdrive/controller/hypes_yaml/speed_curvature.yaml"
BOTH = ["image", "intent"]  # with one of them alone LangCoop's vehicles do not collaborate
SKIP = 4  # [ticks] of 0.05 s between two decisions
HEAD = "# Written by `laco langcoop`; see docs/langcoop.md.\n"


@dataclass(frozen=True)
class Settings:
    """What the planner is told, beside the channel and where servers are.

    deadline: [s] wall clock for a plan, then the vehicle holds, then brakes. wait: [s] that a server waits for its
    peers in each phase. limit: [m/s]. charge: what thinking costs in simulated time: None or "frozen" nothing,
    "measured", or milliseconds. objects: "truth" lets drivers that read no pictures know CARLA's actors; None nobody.
    """

    deadline: float = 10.0
    wait: float = 5.0
    radio: str = "ideal"
    seed: int = 0
    limit: float = 8.0
    charge: str | float | None = None
    objects: str | None = None


def charge_of(text: str | None) -> str | float | None:
    """frozen, measured, or milliseconds. Raises: ConfigError."""
    if text is None or text in ("frozen", "measured"):
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e6:
        raise ConfigError(f"--charge is frozen, measured or milliseconds, not {text!r}")
    return value


def planner(channel: str, endpoints: Mapping[str, str], settings: Settings, log: Path | None) -> dict[str, Any]:
    """A planner YAML's content. endpoints: of every vehicle's server. Raises: ConfigError for an unknown radio."""
    find_radio(settings.radio)
    told = {"type": "LacoPlanner", "name": "laco", "channel": channel, "endpoints": dict(endpoints)}
    return {"model": {**told, **asdict(settings), "run": None, "log": str(log) if log else None}}


def agent(checkout: Checkout, egos: int, planners: Sequence[Path], choice: Sequence[int], base: Any) -> dict[str, Any]:
    """An agent YAML's content. planners: absolute paths. choice: each ego's planner. base: the content of one of
    LangCoop's, whose prompts, perception and roadside units are kept; None for LACO's own prompts."""
    found = copy.deepcopy(base) if base is not None else _plain()
    found["control"] = {**found.get("control", {}), "control_config": str(checkout.root / CONTROLLER)}
    found["simulation"] = {"skip_frames": SKIP, **found.get("simulation", {}), "ego_num": egos}
    found["heter"] = {
        "avail_heter_planner_configs": [str(path) for path in planners],
        "ego_planner_choice": list(choice),
    }
    found["collab"] = {**found.get("collab", {}), "sharing_modalities": list(BOTH)}
    found["planning"] = {**found["planning"], "planner_config": str(planners[0])}
    return found


def neighbour(model: Mapping[str, Any], base: Any) -> dict[str, Any]:
    """What the team agent of V2Xverse and CoLMDriver reads: one planner for all, and LangCoop's prompts if given."""
    kept = {"planning": base["planning"]} if base is not None else {}
    return {**model, "simulation": {"skip_frames": SKIP}, **kept}


def _plain() -> dict[str, Any]:
    """LangCoop's structure without prompts: the servers have their own."""
    return {
        "RSU": {"change_rsu_frame": 5, "rsu_height": 7.5, "rsu_lane_side": "right", "rsu_distance": 12},
        "perception": {"core_method": None, "detection_range": [36, 12, 12, 12]},
        "planning": {"core_method": "coopenemma"},
    }


def read(path: Path) -> dict[str, Any]:
    """Raises: ConfigError, one line."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is no agent or planner YAML: it holds no map")
    return found


def base_of(checkout: Checkout, name: str | None) -> dict[str, Any] | None:
    """One of LangCoop's agent YAMLs, by its path or its name. Raises: ConfigError."""
    if name is None:
        return None
    tried = (Path(name).expanduser(), checkout.root / name, checkout.root / HYPES / f"{name}.yaml")
    path = next((path for path in tried if path.is_file()), None)
    if path is None:
        raise ConfigError(f"no agent YAML {name!r}: neither a file nor {tried[-1]}")
    found = read(path)
    if not isinstance(found.get("planning"), dict):
        raise ConfigError(f"{path} is no agent YAML: it has no map `planning`")
    return found


@dataclass(frozen=True)
class Written:
    """The files of one evaluation. planners: none where the agent YAML holds the planner itself."""

    agent: Path
    planners: tuple[Path, ...]


def write(
    folder: Path,
    checkout: Checkout,
    channel: str,
    groups: Sequence[Sequence[str]],
    endpoints: Mapping[str, str],
    settings: Settings,
    log: Path | None,
    base: Mapping[str, Any] | None,
) -> Written:
    """groups: the vehicles of each planner: one for each kind of driver. Raises: ConfigError."""
    where = prepare(folder).resolve()
    if checkout.evaluator.name != LANGCOOP:
        _write(where / AGENT, neighbour(planner(channel, endpoints, settings, log), base))
        return Written(where / AGENT, ())
    egos = sum(map(len, groups))
    paths = [where / ("planner.yaml" if len(groups) == 1 else f"planner_{i}.yaml") for i in range(len(groups))]
    for path in paths:
        _write(path, planner(channel, endpoints, settings, log))
    by_name = {name: number for number, members in enumerate(groups) for name in members}
    choice = [by_name[f"ego{idx}"] for idx in range(egos)]
    _write(where / AGENT, agent(checkout, egos, paths, choice, base))
    return Written(where / AGENT, tuple(paths))


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120)
    write_bytes(path, (HEAD + text).encode())

"""What is wrong with an agent YAML before LangCoop finds out on the road."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from laco.errors import ConfigError
from laco.langcoop.checkout import Checkout
from laco.langcoop.doctor.check import Check, missing, ok, warning
from laco.langcoop.evaluators import LANGCOOP
from laco.langcoop.yamls import BOTH, CONTROLLER, SKIP, read

BROKEN = {"VLMControllerWaypoint": "IndexError", "VLMControllerControl": "AttributeError"}
CORES = ("coopenemma", "MotionNet")
STEPS = 5  # of a plan
SUFFIXES = (".yaml", ".pth", ".pt", ".ckpt", ".bin", ".safetensors")


def config(checkout: Checkout, path: Path) -> list[Check]:
    """Of one agent YAML and what it names."""
    try:
        content = read(path)
    except ConfigError as error:
        return [missing(path.name, str(error), "name an agent YAML, as `laco langcoop init` writes")]
    if checkout.evaluator.name != LANGCOOP:
        found = [_planner(path), *_simulation(content)]
    else:
        found = [*_controller(checkout, content), *_heter(checkout, content), _modalities(content)]
        found += [*_simulation(content), *_planning(content), *_weights(checkout, content)]
    return [Check(f"{path.name}: {check.name}", check.level, check.found, check.remedy) for check in found]


def _controller(checkout: Checkout, content: Mapping[str, Any]) -> Iterator[Check]:
    name = _map(content, "control").get("control_config")
    use = f"control.control_config: {CONTROLLER}"
    if not name or not (path := _within(checkout, str(name))).is_file():
        yield missing("controller", f"{name or 'none'}: not there", use)
        return
    try:
        kind = str(_map(read(path), "model").get("type"))
    except ConfigError as error:
        yield missing("controller", str(error), use)
        return
    if kind in BROKEN:
        yield missing("controller", f"{kind} is broken upstream ({BROKEN[kind]})", use)
    else:
        yield ok("controller", kind)


def _heter(checkout: Checkout, content: Mapping[str, Any]) -> Iterator[Check]:
    heter, egos = _map(content, "heter"), _map(content, "simulation").get("ego_num")
    planners, choice = heter.get("avail_heter_planner_configs"), heter.get("ego_planner_choice")
    if not isinstance(planners, list) or not isinstance(choice, list):
        yield missing("heter", "not there", "LangCoop needs heter.avail_heter_planner_configs and ego_planner_choice")
        return
    if len(choice) != egos:
        yield missing("heter", f"{len(choice)} choices for {egos} egos", "ego_planner_choice takes one index per ego")
    if any(not isinstance(i, int) or not 0 <= i < len(planners) for i in choice):
        yield missing("heter", f"choices {choice} of {len(planners)} planners", "indexes begin with 0")
    for name in planners:
        path = _within(checkout, str(name))
        if not path.is_file():
            yield missing("planner", f"{name}: not there", "correct heter.avail_heter_planner_configs")
        else:
            yield _planner(path)


def _planner(path: Path) -> Check:
    try:
        model = _map(read(path), "model")
    except ConfigError as error:
        return missing("planner", str(error), "as `laco langcoop init` writes")
    if model.get("type") == "LacoPlanner":
        return ok("planner", f"LacoPlanner on {model.get('channel')}")
    return warning(
        "planner", f"{model.get('type')}", "it talks LangCoop's language, in the process: no bytes are counted"
    )


def _modalities(content: Mapping[str, Any]) -> Check:
    shared = _map(content, "collab").get("sharing_modalities")
    lacking = [name for name in BOTH if not isinstance(shared, list) or name not in shared]
    if not lacking:
        return ok("modalities", "image and intent")
    remedy = "with one alone LangCoop's own planners get the prompt without collaboration: list both"
    return warning("modalities", f"lacks {' and '.join(lacking)}", remedy)


def _simulation(content: Mapping[str, Any]) -> Iterator[Check]:
    simulation = _map(content, "simulation")
    skip, delay = simulation.get("skip_frames"), simulation.get("comm_latency")
    if not isinstance(skip, int) or not 1 <= skip <= STEPS:
        yield missing("skip_frames", f"{skip}", f"{SKIP}: a plan has {STEPS} points, one for each tick until the next")
    elif skip != SKIP:
        yield warning("skip_frames", f"{skip}", f"{SKIP} is what LangCoop was run with: frames are 0.2 s apart")
    else:
        yield ok("skip_frames", f"{skip}")
    if delay is not None and (not isinstance(delay, int) or delay % SKIP):
        remedy = f"a multiple of {SKIP} ticks, or the delayed data is not found and fresh data is used"
        yield missing("comm_latency", f"{delay}", remedy)
    elif delay is not None:
        remedy = "it delays what egos 1 and later see, not their messages: use --charge or --radio for those"
        yield warning("comm_latency", f"{delay}", remedy)


def _planning(content: Mapping[str, Any]) -> Iterator[Check]:
    core = _map(content, "planning").get("core_method")
    if core not in CORES:
        yield missing("planning.core_method", f"{core}", "coopenemma")


def _weights(checkout: Checkout, content: Mapping[str, Any]) -> Iterator[Check]:
    """Checkpoints and other files that the YAML names and that are not there."""
    perception = _map(content, "perception")
    if perception.get("core_method") is None:
        yield ok("perception", "none: every driver sees its own picture")
        return
    for key, value in perception.items():
        if isinstance(value, str) and (key.endswith(("_dir", "_path")) or value.endswith(SUFFIXES)):
            path = _within(checkout, value)
            if path.exists():
                yield ok(f"perception.{key}", value)
            else:
                yield missing(f"perception.{key}", f"{value}: not there", "fetch the checkpoint, or core_method: null")


def _map(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _within(checkout: Checkout, name: str) -> Path:
    """As the evaluator finds it, which runs in the checkout."""
    return checkout.root / name

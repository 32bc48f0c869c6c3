"""All checks of one environment, in the order in which things go wrong."""

from collections.abc import Sequence
from pathlib import Path

from laco.errors import ConfigError
from laco.langcoop import carla_root
from laco.langcoop.checkout import Checkout
from laco.langcoop.doctor import configs, environment, files, machine
from laco.langcoop.doctor.check import Check, missing
from laco.langcoop.evaluation import World
from laco.langcoop.fleet import Seat
from laco.langcoop.interpreter import Interpreter


def examine(
    checkout: Checkout,
    carla: Path,
    python: str | None,
    extra: Sequence[Path],
    agents: Sequence[Path],
    world: World,
    seats: Sequence[Seat],
) -> list[Check]:
    """agents: agent YAMLs to look at. Nothing is changed; modules are imported in the interpreter, not here."""
    found = [*files.files(checkout), *files.carla(carla)]
    found += _interpreter(checkout, carla, python, extra)
    for path in agents:
        found += configs.config(checkout, path)
    return [*found, *machine.ports(world), *machine.servers(seats), *machine.memory(seats)]


def _interpreter(checkout: Checkout, carla: Path, python: str | None, extra: Sequence[Path]) -> list[Check]:
    try:
        interpreter = Interpreter.at(python)
    except ConfigError as error:
        return [missing("python", str(error), "name LangCoop's interpreter with --python")]
    version = environment.version(interpreter, checkout.evaluator)
    if interpreter.short < environment.OLDEST:
        return [version]
    try:
        eggs, paths = carla_root.eggs(carla), carla_root.paths(carla, interpreter.short)
    except ConfigError:  # said already, by `files`
        eggs, paths = {}, []
    wanted = environment.modules_of(checkout.evaluator)
    answers = interpreter.ask(wanted, [*extra, *paths, *checkout.paths], checkout.root)
    found = [version, environment.egg(interpreter, eggs, answers)]
    return [*found, *environment.modules(interpreter, answers, checkout.evaluator)]

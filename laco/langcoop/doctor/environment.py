"""The interpreter: its version, what it can import, and how far that is from LangCoop's README."""

from collections.abc import Iterator, Mapping
from typing import Any

from laco.langcoop import carla_root
from laco.langcoop.campaign import CLIENT, installing
from laco.langcoop.doctor.check import Check, missing, ok, warning
from laco.langcoop.evaluators import Evaluator
from laco.langcoop.interpreter import Answers, Interpreter

NEWEST = (3, 11)  # LangCoop's agent says `import imp`, which Python 3.12 has not
OLDEST = (3, 7)
PINS = {"torch": "1.13.1", "openai": "1.61.0", "numpy": "1.24.4"}  # of LangCoop's README and freeze file
CLIENT_OF = "0.9.10"  # CARLA
PYTHON_PIN = (3, 8)
REMEDIES = {
    "carla": "install CARLA 0.9.10's client for this Python: its egg is for 3.7 only; {python} -m pip install "
    "carla==0.9.10 where an index has it, or easy_install the egg into a Python 3.7",
    "carla_birdeye_view": "{python} -m pip install --no-deps carla-birdeye-view==1.1.1 (it asks for another carla)",
    "spconv": "{python} -m pip install spconv-cu116 (1.2.1 of older guides no longer builds)",
    "opencood": "in the checkout: {python} setup.py develop, then {python} opencood/utils/setup.py build_ext --inplace",
    "codriving": "in the checkout: {python} setup.py develop",
    "common.registry": "in the checkout: {python} setup.py develop",
    "vlmdrive": "in the checkout: {python} setup.py develop, and its openemma_requirements.txt",
    "srunner.scenariomanager.carla_data_provider": "{python} -m pip install -r simulation/requirements.txt",
    "py_trees": "{python} -m pip install py-trees==0.8.3",
    "cv2": "{python} -m pip install opencv-python",
    "yaml": "{python} -m pip install pyyaml",
    "zmq": "{python} -m pip install 'pyzmq>=22'",
    "msgpack": "{python} -m pip install msgpack",
}
CLIENT_NEEDS = (CLIENT, "zmq", "msgpack")


def modules_of(evaluator: Evaluator) -> tuple[str, ...]:
    """What its interpreter is asked for."""
    return (*evaluator.modules, *CLIENT_NEEDS)


def version(interpreter: Interpreter, evaluator: Evaluator) -> Check:
    """Of Python."""
    said = ".".join(map(str, interpreter.version))
    name, found = "python", f"{said} ({interpreter.path})"
    if interpreter.short < OLDEST:
        return missing(name, found, "choose a Python from 3.7 to 3.11 with --python")
    if evaluator.name == "langcoop" and interpreter.short > NEWEST:
        remedy = "LangCoop's agent imports imp, which is gone since 3.12: choose 3.11 or older with --python"
        return missing(name, found, remedy)
    if evaluator.name == "langcoop" and interpreter.short != PYTHON_PIN:
        return warning(name, found, "LangCoop's README takes 3.8")
    return ok(name, found)


def modules(interpreter: Interpreter, answers: Answers, evaluator: Evaluator) -> Iterator[Check]:
    """One check each, and CUDA."""
    for name in modules_of(evaluator):
        answer = answers[name]
        if error := answer.get("error"):
            yield missing(f"import {name}", error, _remedy(name, interpreter.path))
            continue
        yield _pinned(name, answer, evaluator)
        if name == "torch":
            yield _cuda(answer, evaluator)


def _remedy(name: str, python: str) -> str:
    if name == CLIENT:
        return installing(python)
    return REMEDIES.get(name, "{python} -m pip install " + name.partition(".")[0]).format(python=python)


def _pinned(name: str, answer: Mapping[str, Any], evaluator: Evaluator) -> Check:
    found = str(answer.get("version") or "there")
    pin = PINS.get(name) if evaluator.name == "langcoop" else None
    if pin and found.partition("+")[0] != pin:
        return warning(f"import {name}", found, f"LangCoop's README pins {pin}")
    if name == "carla" and answer.get("version") and not found.startswith(CLIENT_OF):
        remedy = f"a client of {CLIENT_OF} for a server of {CLIENT_OF}: others do not understand each other"
        return warning(f"import {name}", found, remedy)
    return ok(f"import {name}", found)


def _cuda(answer: Mapping[str, Any], evaluator: Evaluator) -> Check:
    if answer.get("cuda"):
        boards = ", ".join(f"{b['name']} {b['total'] / 2**30:.0f} GiB" for b in answer["boards"])
        return ok("cuda", f"{answer.get('built')}: {boards}")
    found = "torch sees no GPU" if answer.get("built") else "this torch is built without CUDA"
    if evaluator.name != "langcoop":
        return warning("cuda", found, "CARLA's own server draws with a GPU; our agent needs none")
    return missing("cuda", found, "LangCoop's agent calls .cuda() whatever the planner: a GPU and a torch with CUDA")


def egg(interpreter: Interpreter, eggs: Mapping[carla_root.Python, Any], answers: Answers) -> Check:
    """Whether CARLA's egg is for this Python, or another carla took its place."""
    wanted = f"py{interpreter.short[0]}.{interpreter.short[1]}"
    there = ", ".join(f"py{major}.{minor}" for major, minor in eggs) or "none"
    if interpreter.short in eggs:
        return ok("carla egg", wanted)
    if "error" not in answers.get("carla", {"error": ""}):
        return ok("carla egg", f"{there}; {wanted} has a carla of its own: {answers['carla'].get('file')}")
    return missing("carla egg", f"{there}, this is {wanted}", "see import carla, or choose a Python that has an egg")

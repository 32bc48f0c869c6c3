"""Files and folders that the launcher and the evaluator need."""

from collections.abc import Iterator
from pathlib import Path

from laco.langcoop.checkout import Checkout
from laco.langcoop.doctor.check import Check, missing, ok, warning
from laco.langcoop.evaluators import PARAMETERS

LFS = b"version https://git-lfs"


def files(checkout: Checkout) -> Iterator[Check]:
    """Of the checkout."""
    for name in checkout.evaluator.files:
        path = checkout.root / name
        if path.exists():
            yield ok(name, "there")
        else:
            yield missing(name, "not there", f"is {checkout.root} a whole checkout of {checkout.evaluator.title}?")
    yield scenarios(checkout)
    found = sorted(
        path.stem.rpartition("_")[2] for path in (checkout.root / PARAMETERS).glob("scenario_parameter_*.yaml")
    )
    if found:
        yield ok("scenario parameters", ", ".join(found))
    else:
        yield missing(
            "scenario parameters", "none", f"restore {PARAMETERS}/scenario_parameter_K.yaml from the repository"
        )


def scenarios(checkout: Checkout) -> Check:
    """The scenario file, which is large enough to be left out of a clone."""
    name = checkout.evaluator.scenarios
    path = checkout.root / name
    if not path.is_file():
        return missing(
            name, "not there", "it is larger than 4 MB: clone the whole repository, or name one with --scenarios"
        )
    with path.open("rb") as file:
        if file.read(len(LFS)) == LFS:
            return missing(name, "a Git LFS pointer", "git lfs pull")
    return ok(name, f"{path.stat().st_size / 1e3:.0f} KB")


def carla(root: Path) -> Iterator[Check]:
    """Of a CARLA installation."""
    where = root.expanduser().resolve()
    if not where.is_dir():
        yield missing("carla root", f"{where} is not there", "name the folder that holds CarlaUE4.sh with --carla-root")
        return
    for name, needed in (("PythonAPI/carla", True), ("PythonAPI/carla/agents", True), ("CarlaUE4.sh", False)):
        path = where / name
        if path.exists():
            yield ok(f"carla root: {name}", "there")
        elif needed:
            yield missing(f"carla root: {name}", "not there", f"is {where} a whole CARLA 0.9.10.1?")
        else:
            yield warning(f"carla root: {name}", "not there", "the server must then run from elsewhere")

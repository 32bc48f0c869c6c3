"""Run by another interpreter (Python 3.6 and later): imports the modules that are its arguments, a JSON line each."""

import importlib
import json
import os
import sys
from typing import Any


def version_of(module: Any, name: str) -> Any:
    """What the module says, or its distribution."""
    said = getattr(module, "__version__", None)
    if said is not None:
        return str(said)
    distribution = name.split(".")[0].replace("_", "-")
    for metadata, ask in (("importlib.metadata", "distribution"), ("pkg_resources", "get_distribution")):
        try:  # the first is there since Python 3.8, the second comes with setuptools
            return getattr(importlib.import_module(metadata), ask)(distribution).version
        except Exception:  # noqa: BLE001 - the other, or no distribution of this name
            continue
    return None


def graphics(torch: Any) -> Any:
    """Whether CUDA works, and the boards with their memory [bytes]."""
    if not torch.cuda.is_available():
        return {"cuda": False, "built": torch.version.cuda, "boards": []}
    boards = []
    for number in range(torch.cuda.device_count()):
        board = torch.cuda.get_device_properties(number)
        boards.append({"name": board.name, "total": board.total_memory})
    return {"cuda": True, "built": torch.version.cuda, "boards": boards}


def look(name: str) -> Any:
    """One module: where and which it is, or the one line that says why not."""
    try:
        module = importlib.import_module(name)
        found = {"module": name, "version": version_of(module, name), "file": getattr(module, "__file__", None)}
        if name == "torch":
            found.update(graphics(module))
        return found
    except BaseException as error:  # noqa: BLE001 - also SystemExit: whatever it is, the others are still to be asked
        lines = str(error).strip().splitlines()
        return {"module": name, "error": "{}: {}".format(type(error).__name__, lines[0] if lines else "")}


def main() -> None:
    """Answers go to the real stdout, whatever modules do to theirs."""
    out = os.fdopen(os.dup(1), "w")
    for name in sys.argv[1:]:
        out.write("\nlaco-probe " + json.dumps(look(name)) + "\n")
        out.flush()


if __name__ == "__main__":
    main()

"""The maps we ship, and reading a user's own; `make.py` makes ours.

A map is an OpenDRIVE file, `NAME.xodr`, and for traffic a SUMO network beside it, `NAME.net.xml`, in the same
coordinates. How a traffic light of the one finds its links in the other: `signals.py`.
"""

import difflib
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree as ET

from laco.errors import ScenarioError

SUFFIX = ".xodr"
NET = ".net.xml"


def available() -> list[str]:
    """Names of the maps that come with the package."""
    names = (entry.name for entry in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def read_map(name_or_path: str) -> str:
    """OpenDRIVE text of a shipped map, or of a file of the user's."""
    if name_or_path in available():
        return (resources.files(__name__) / f"{name_or_path}{SUFFIX}").read_text(encoding="utf-8")
    path = Path(name_or_path)
    if not path.exists() and path.name == name_or_path and not name_or_path.endswith(SUFFIX):
        raise ScenarioError(_unknown(name_or_path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError(f"{path} is not an OpenDRIVE file: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ScenarioError(f"cannot read map {path}: {getattr(error, 'strerror', None) or error}") from None
    _check(text, path)
    return text


def net_of(name_or_path: str) -> Path | None:
    """The SUMO network of a shipped map, or the file beside one of the user's; None when there is none."""
    if name_or_path in available():
        path = Path(str(resources.files(__name__) / f"{name_or_path}{NET}"))
    else:
        path = Path(name_or_path).with_suffix(NET)
    return path if path.is_file() else None


def _unknown(name: str) -> str:
    names = available()
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names)}, or give a {SUFFIX} file"
    return f"no map is called {name!r}; {hint}"


def _check(text: str, path: Path) -> None:
    """Refuse what is not OpenDRIVE here: the CARLA client would only call the map invalid."""
    try:
        root = ET.fromstring(text.encode())
    except ET.ParseError as error:
        raise ScenarioError(f"{path} is not an OpenDRIVE file: {error}") from None
    if root.tag.rpartition("}")[2] != "OpenDRIVE":
        raise ScenarioError(f"{path} is not an OpenDRIVE file: its root element is <{root.tag}>")
    if not any(child.tag.rpartition("}")[2] == "road" for child in root):
        raise ScenarioError(f"{path} has no roads")

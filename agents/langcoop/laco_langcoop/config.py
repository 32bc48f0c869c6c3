"""The agent YAML of the team agents that stand alone (V2Xverse, CoLMDriver, MDrive, leaderboard, ScenarioRunner)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from laco_langcoop.errors import LacoError
from laco_langcoop.settings import Settings


def load(path: str) -> dict[str, Any]:
    """A map with the planner's part in `model`, as LangCoop's planner YAMLs have it; maybe `simulation.skip_frames`."""
    file = Path(path)
    if not path or not file.is_file():
        raise LacoError(f"--agent-config: there is no file {path!r}; `laco langcoop init` writes one")
    text = file.read_text(encoding="utf-8")
    found = json.loads(text) if file.suffix == ".json" else _yaml(text)
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise LacoError(f"{path}: an agent YAML has the planner's part in `model`")
    return found


def settings(config: dict[str, Any]) -> Settings:
    """Checked."""
    return Settings.read({name: value for name, value in config["model"].items() if name != "type"})


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise LacoError("PyYAML is missing here; a .json file works without it") from None
    return yaml.safe_load(text)

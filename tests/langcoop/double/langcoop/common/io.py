"""YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def load_config_from_yaml(path: str) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))

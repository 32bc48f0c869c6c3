"""LACO's client for LangCoop and its neighbours; the wire is described in docs/langcoop-wire.md.

Importing this loads nothing else: numpy, pyzmq and msgpack come with what needs them, LangCoop's own packages only with
`register`, which is done at once where LangCoop's registry is imported already. torch and carla are never imported by
anything outside `entry/`.
"""

import sys
from pathlib import Path
from typing import Any

__version__ = "0.1.0"
ENTRIES = {
    "langcoop": "laco_langcoop_agent.py",
    "colmdriver": "laco_v2xverse_agent.py",
    "leaderboard": "laco_leaderboard_agent.py",
}


def register() -> Any:
    """Make `LacoPlanner` known to LangCoop's registry, once; returns the class. Raises: LacoError without LangCoop."""
    from laco_langcoop.errors import LacoError
    from laco_langcoop.planner import LacoPlanner

    try:
        from vlmdrive import VLMDRIVE_REGISTRY
    except ImportError as error:
        text = f"LangCoop's vlmdrive cannot be imported: {error}; its checkout belongs on PYTHONPATH"
        raise LacoError(text) from error

    if LacoPlanner.__name__ not in VLMDRIVE_REGISTRY:
        VLMDRIVE_REGISTRY.register(LacoPlanner)
    return LacoPlanner


def entry(name: str) -> str:
    """Path of a team agent for `--agent`: `langcoop`, `colmdriver` (also V2Xverse, MDrive) or `leaderboard`."""
    return str(Path(__file__).resolve().parent / "entry" / name / ENTRIES[name])


def __getattr__(name: str) -> Any:
    if name == "LacoPlanner":
        from laco_langcoop.planner import LacoPlanner

        return LacoPlanner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if hasattr(sys.modules.get("vlmdrive"), "VLMDRIVE_REGISTRY"):
    register()

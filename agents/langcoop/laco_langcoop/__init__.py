"""LACO's client for LangCoop and its neighbours; the wire is described in docs/langcoop-wire.md.

Importing this loads nothing else: numpy, pyzmq and msgpack come with what needs them, LangCoop's own packages only with
`register`. torch and carla are never imported by anything outside `entry/`.
"""

from pathlib import Path
from typing import Any

__version__ = "0.1.0"
ENTRIES = {
    "langcoop": "laco_langcoop_agent.py",
    "colmdriver": "laco_v2xverse_agent.py",
    "leaderboard": "laco_leaderboard_agent.py",
}


def register() -> Any:
    """Make `LacoPlanner` known to LangCoop's registry, once; returns the class."""
    from vlmdrive import VLMDRIVE_REGISTRY

    from laco_langcoop.planner import LacoPlanner

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

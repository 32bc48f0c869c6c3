"""The model of the air: which chunks arrive where, and at what simulation time."""

from laco.comm.radio.air import Air
from laco.comm.radio.base import Fate, Manifest
from laco.comm.radio.presets import presets

__all__ = ["Air", "Fate", "Manifest", "presets"]

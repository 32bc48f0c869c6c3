"""The model of the air: which chunks arrive where, and at what simulation time.

`RadioSpec` says what kind of radio it is (docs/radio.md), `Air` is the radio of one run.
"""

from laco.comm.radio.air import Air, Counters
from laco.comm.radio.base import BEACON, WINDOW, Fate, Manifest
from laco.comm.radio.presets import presets
from laco.comm.radio.spec import RadioSpec

__all__ = ["BEACON", "WINDOW", "Air", "Counters", "Fate", "Manifest", "RadioSpec", "presets"]

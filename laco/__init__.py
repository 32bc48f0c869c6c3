"""Vehicles with transformer drivers that talk in KV caches.

The public names are loaded on first use, so that importing `laco` (and `laco --help`) stays quick.
"""

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

from laco.method import registry
from laco.models import MODELS, installed

if TYPE_CHECKING:
    from laco.config import LacoConfig as LacoConfig
    from laco.method.backbone import Backbone as Backbone
    from laco.method.cache import KVCache as KVCache
    from laco.method.context import Context as Context
    from laco.method.deliberation import deliberate as deliberate
    from laco.method.fusion import infer as infer
    from laco.method.saliency import attribute as attribute
    from laco.method.sharing import share as share

__version__ = "0.1.0"

_HOMES = {
    "LacoConfig": "laco.config",
    "Backbone": "laco.method.backbone",
    "Context": "laco.method.context",
    "KVCache": "laco.method.cache",
    "deliberate": "laco.method.deliberation",
    "attribute": "laco.method.saliency",
    "share": "laco.method.sharing",
    "infer": "laco.method.fusion",
}
__all__ = [
    "Backbone", "Context", "KVCache", "LacoConfig", "__version__",
    "attribute", "deliberate", "infer", "share",
]  # fmt: skip

# Names only: where a model lies is looked up when it is loaded.
for _name in MODELS:
    registry.register(_name, partial(installed, _name))


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'laco' has no attribute {name!r}")

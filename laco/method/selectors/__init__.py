"""What of a context is sent: one selector per file, and the one list that names them."""

from laco.config import check_choice
from laco.method.selectors.base import Selector
from laco.method.selectors.chsa import Chsa
from laco.method.selectors.content import Content
from laco.method.selectors.pinned import Pinned
from laco.method.selectors.random import Random
from laco.method.selectors.recent import Recent

# Listing a selector here (and in `laco.config.SELECTORS`) makes it usable and puts it into every test.
_SELECTORS: dict[str, Selector] = {one.name: one for one in (Chsa(), Content(), Recent(), Random())}


def available() -> list[str]:
    """Names of the selectors, in the order of the list."""
    return list(_SELECTORS)


def find(name: str) -> Selector:
    """The selector called `name`. Raises: ConfigError naming the known ones."""
    check_choice("selector", name, tuple(_SELECTORS))
    return _SELECTORS[name]


__all__ = ["Chsa", "Content", "Pinned", "Random", "Recent", "Selector", "available", "find"]

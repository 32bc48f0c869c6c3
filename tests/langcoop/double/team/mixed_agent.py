"""LACO's team agent where planners of LangCoop's own kind are registered too."""

import sys
from pathlib import Path

import laco_langcoop

sys.path.append(str(Path(laco_langcoop.entry("langcoop")).parent))

import own_planners
from laco_langcoop_agent import LacoLangCoopAgent


def get_entry_point() -> str:
    return LacoLangCoopAgent.__name__


own_planners.Plain()

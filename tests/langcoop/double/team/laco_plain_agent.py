"""A team agent of LangCoop's own kind that knows LACO's planner and nothing else of LACO."""

import laco_langcoop
from team_code.vlm_agent import VLM_Agent

laco_langcoop.register()


def get_entry_point() -> str:
    return VLM_Agent.__name__

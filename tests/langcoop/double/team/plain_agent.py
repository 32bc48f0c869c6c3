"""A team agent as a plug-in makes one: registers planners, leaves the rest to LangCoop."""

import own_planners
from team_code.vlm_agent import VLM_Agent


def get_entry_point() -> str:
    return "PlainAgent"


class PlainAgent(VLM_Agent):
    pass

"""LangCoop's prompts in its agent YAML, as `hello` tells them to servers that speak on the channel `language`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAGES = ("scene", "object", "intention", "target")


def prompts(config: Mapping[str, Any]) -> dict[str, str | None] | None:
    """scene, object, intention, target, comb and sys_message: each a text, or None where the YAML switches it off.

    None as a whole where the YAML has no templates: servers then use LACO's own.
    """
    planning = config.get("planning") or {}
    templates, usage = planning.get("prompt_template"), planning.get("prompt_usage") or {}
    if not isinstance(templates, dict):
        return None
    found = {stage: _used(templates, usage, stage + "_prompt_template") for stage in STAGES}
    found["comb"] = _used(templates, usage, "comb_prompt")
    message = templates.get("sys_message", planning.get("sys_message"))
    found["sys_message"] = message if isinstance(message, str) else None
    return found


def _used(templates: dict[str, Any], usage: dict[str, Any], name: str) -> str | None:
    """The version of a template that `prompt_usage` names; where it is silent, the default one."""
    version = usage.get(name, "default")
    template = templates.get(name)
    if version is None or version is False:
        return None
    if isinstance(template, dict):
        template = template.get(version, template.get("default"))
    return template if isinstance(template, str) else None

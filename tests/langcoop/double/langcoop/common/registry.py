"""Classes by name."""

from __future__ import annotations

from typing import Any


class Registry(dict[str, Any]):
    """`@registry.register`; a name twice is an error."""

    def register(self, target: Any) -> Any:
        assert target.__name__ not in self, f"{target.__name__} is registered already"
        self[target.__name__] = target
        return target


def build_object_within_registry_from_config(registry: Registry, config: dict[str, Any], **more: Any) -> Any:
    """registry[config["type"]] of the rest of config."""
    rest = dict(config)
    return registry[rest.pop("type")](**rest, **more)

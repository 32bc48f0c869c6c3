"""The world and the one hero in it."""

from __future__ import annotations

from typing import Any


class CarlaDataProvider:
    world: Any = None
    hero: Any = None

    @classmethod
    def get_world(cls) -> Any:
        return cls.world

    @classmethod
    def get_hero_actor(cls) -> Any:
        return cls.hero

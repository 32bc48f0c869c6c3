"""The world and the egos in it, from anywhere."""

from __future__ import annotations

from typing import Any


class CarlaDataProvider:
    _world: Any = None
    _heroes: Any = None

    @classmethod
    def set_world(cls, world: Any) -> None:
        cls._world = world
        cls._heroes = {}

    @classmethod
    def get_world(cls) -> Any:
        return cls._world

    @staticmethod
    def get_client() -> Any:
        return None  # nothing to connect to

    @classmethod
    def request_new_ego(cls, hero_id: int, x: float, y: float, yaw: float) -> Any:
        cls._heroes[hero_id] = cls._world.spawn(f"hero_{hero_id}", x, y, yaw)
        return cls._heroes[hero_id]

    @classmethod
    def get_hero_actor(cls, hero_id: int = 0) -> Any:
        """The ego, or None once it has finished or was destroyed."""
        return cls._heroes.get(hero_id)

    @classmethod
    def remove_actor_by_id(cls, number: int) -> None:
        cls._world.destroy(number)
        cls._heroes = {i: actor for i, actor in cls._heroes.items() if actor.id != number}

"""The world: a clock and the cars on it."""

from __future__ import annotations

from plane.bodies import Vehicle

TICK = 0.05  # [s] synchronous, as the leaderboards run CARLA


class World:
    """Stands where an evaluator has its `carla.World`."""

    def __init__(self) -> None:
        self.vehicles: dict[int, Vehicle] = {}
        self.frame = 0
        self.seconds = 0.0

    def spawn(self, role: str, x: float, y: float, yaw: float) -> Vehicle:
        number = 100 + len(self.vehicles)
        self.vehicles[number] = Vehicle(number, role, x, y, yaw)
        return self.vehicles[number]

    def destroy(self, number: int) -> None:
        self.vehicles.pop(number).is_alive = False

    def get_actors(self) -> list[Vehicle]:
        return list(self.vehicles.values())

    def tick(self) -> None:
        for vehicle in self.vehicles.values():
            vehicle.advance(TICK)
        self.frame += 1
        self.seconds = self.frame * TICK

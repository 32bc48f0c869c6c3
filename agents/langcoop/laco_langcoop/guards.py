"""What keeps LangCoop's loop going where it would end the run of all egos.

Its agent hands None for an ego that has finished to code which stacks the egos' arrays, and names result folders to the
second. The loop gets whole lists here: an ego that is gone stands where it was, and brakes.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, List, Optional, TypeVar

from laco_langcoop.board import Board
from laco_langcoop.charging import Hold

Data = Optional[Any]
Found = TypeVar("Found")
Act = Callable[[List[Any], List[Any], int, float], Any]


class Still:
    """The last data of each place in a list, for when there are none."""

    def __init__(self) -> None:
        self._last: dict[int, Any] = {}

    def fill(self, data: list[Data]) -> list[Data]:
        """The list with its gaps filled; a place that never had data keeps its None."""
        self._last.update({i: found for i, found in enumerate(data) if found is not None})
        return [self._last.get(i) for i in range(len(data))]


class Guard:
    """Around one agent's inference: `around` wraps `get_action_from_list_inter`, `settle` what `run_step` returns.

    brake: makes a control that stops a vehicle; board: learns which egos are absent, knows how long decisions took.
    """

    def __init__(self, count: int, brake: Callable[[], Any], board: Board) -> None:
        self.hold = Hold(board.charge)
        self._board = board
        self._brake = brake
        self._cars, self._units = Still(), Still()
        self._force = [brake() for _ in range(count)]

    def around(self, act: Act) -> Act:
        def acted(car_data_raw: list[Data], rsu_data_raw: list[Data], step: int, timestamp: float) -> Any:
            cars = standing(self._cars.fill(car_data_raw))
            self._board.absent = {i for i, car in enumerate(car_data_raw) if car is None}
            if self.hold.busy(step) or not cars or len(self._board.absent) == len(car_data_raw):
                return list(self._force)
            units = [unit for unit in self._units.fill(rsu_data_raw) if unit is not None]
            self._board.taken()
            controls = act(cars, units, step, timestamp)
            seconds = self._board.taken()
            if seconds is not None:
                self.hold.start(step, seconds)
            return self._whole(controls)

        return acted

    def settle(self, step: int, controls: Any) -> list[Any]:
        """The control of every ego for this tick: while a decision is on its way, the ones that were in force."""
        if not self.hold.busy(step):
            self._force = self._whole(controls)
        return [self._brake() if i in self._board.absent else control for i, control in enumerate(self._force)]

    def _whole(self, controls: Any) -> list[Any]:
        """A control for every ego, from LangCoop's list or map of them."""
        places = range(len(self._force))
        found = dict(controls) if isinstance(controls, dict) else dict(enumerate(controls or []))
        return [self._brake() if i in self._board.absent or found.get(i) is None else found[i] for i in places]


def standing(cars: list[Data]) -> list[Any]:
    """An ego that was never there borrows another one's data: arrays keep their shapes, and its control is not used."""
    known = [car for car in cars if car is not None]
    return [known[0] if car is None else car for car in cars] if known else []


def retried(start: Callable[[], Found], tries: int = 5, sleep: Callable[[float], None] = time.sleep) -> Found:
    """Start again in another second where a result folder of this one is somebody else's."""
    for _ in range(tries - 1):
        try:
            return start()
        except FileExistsError:
            sleep(1.0 + random.random())
    return start()

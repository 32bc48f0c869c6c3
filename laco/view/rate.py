"""How fast a world runs: ticks and simulated seconds per second of wall-clock time, over the last second or so."""

from collections import deque

WINDOW = 1.5  # [s] of wall-clock time


class Rate:
    """Fed with moments; `ticks` [1/s] and `pace` (1 is real time) are 0 while nothing moves."""

    def __init__(self) -> None:
        self._moments: deque[tuple[float, int, float]] = deque()

    def note(self, now: float, frame: int, elapsed: float) -> None:
        """At `now` [s] of wall-clock time the world was at `frame` and `elapsed` [s]."""
        self._moments.append((now, frame, elapsed))
        while len(self._moments) > 2 and now - self._moments[0][0] > WINDOW:
            self._moments.popleft()

    @property
    def ticks(self) -> float:
        """Frames per second of wall-clock time."""
        return self._slope(1)

    @property
    def pace(self) -> float:
        """Simulated seconds per second of wall-clock time."""
        return self._slope(2)

    def _slope(self, what: int) -> float:
        if len(self._moments) < 2:
            return 0.0
        first, last = self._moments[0], self._moments[-1]
        return (last[what] - first[what]) / max(last[0] - first[0], 1e-6)

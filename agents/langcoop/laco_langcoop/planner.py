"""LACO as one more planner of LangCoop's registry: a client, no model. `register` (in the package) makes it known.

LangCoop asks every ego for its intent, then every ego for its plan, one after the other. Here the first question of a
moment sends all observations, so that the vehicles' servers think side by side, and the second gathers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from laco_langcoop import bank as banks
from laco_langcoop import plans
from laco_langcoop.board import BOARD
from laco_langcoop.errors import LacoError
from laco_langcoop.fleet import Decision, Fleet
from laco_langcoop.prompts import prompts
from laco_langcoop.settings import Settings, vehicle

TICK = 0.05  # [s]
ONE = threading.RLock()  # egos may be asked for from several threads; they share the board and the sockets
_log = logging.getLogger(__name__)


class LacoPlanner:
    """Serves all egos that a planner YAML is chosen for, each at its own server. Options: see `settings.Settings`."""

    def __init__(self, **options: Any) -> None:
        self.settings = Settings.read(options)
        self.fleet = Fleet(self.settings)
        self._run = ""
        self._moment = -1
        self._mine: list[int] = []
        self._messages: dict[int, dict[str, Any]] = {}
        self._decisions: dict[int, Decision] = {}
        if BOARD.moment >= 0:  # the next route, without a team agent of ours that says so
            BOARD.begin()
        if not BOARD.led and (self.settings.objects == "truth" or self.settings.charge not in (None, "frozen")):
            _log.warning("LACO: nothing is charged and no truth told without LACO's team agent (--agent)")
        if self.settings.charge is not None:
            BOARD.charge = self.settings.charge
        BOARD.truth = BOARD.truth or self.settings.objects == "truth"

    def to(self, device: Any) -> LacoPlanner:
        """Nothing here lies on a device."""
        return self

    def eval(self) -> LacoPlanner:
        return self

    def forward_single_intent(self, perception_memory_bank: banks.Bank, model_config: Any, idx: int) -> Any:
        """The message of one ego: plain values and one numpy array, readable by LangCoop's own planners.

        What the vehicles really tell each other goes from server to server; `bytes` is what this vehicle said in the
        moment before. None from an ego that has finished.
        """
        with ONE:
            self._turn(perception_memory_bank, model_config, int(idx))
            return self._messages.get(int(idx))

    def forward_single_collab(
        self, perception_memory_bank: banks.Bank, model_config: Any, idx: int, collab_agent_intent: Any = None
    ) -> dict[str, Any]:
        """A plan that a controller can follow, always: target_speed [5] in m/s, curvature [5] in deg/m, right positive,
        for 0.5, 1.0, ... 2.5 s (`dt` 0.5).
        """
        with ONE:
            plan = self._plan(perception_memory_bank, model_config, int(idx))
        return {"target_speed": np.array(plan.speed), "curvature": np.array(plan.curvature), "dt": plans.DT}

    def close(self) -> None:
        """Say bye to the servers."""
        with ONE:
            self.fleet.end()
            self._run = ""

    def _plan(self, bank: banks.Bank, config: Any, idx: int) -> plans.Plan:
        self._turn(bank, config, idx)
        if idx not in self._messages:
            return plans.brake(0.0)
        decision = self.fleet.decide(vehicle(idx))
        BOARD.took(decision.seconds)
        self._decisions[idx] = decision
        return decision.plan

    def _turn(self, bank: banks.Bank, config: Any, idx: int) -> None:
        """Begin a run, or a moment, if this is the first question of one."""
        moment = BOARD.tick(banks.clock(bank[-1]))
        run = BOARD.run(self.settings.run)
        if run != self._run:
            self._begin(run, config if isinstance(config, Mapping) else {}, banks.rows(bank[-1]), idx)
        if moment != self._moment:
            self._observe(bank, moment)

    def _begin(self, run: str, config: Mapping[str, Any], egos: int, idx: int) -> None:
        self._run, self._moment, self._decisions = run, -1, {}
        everybody = [i for i in range(egos) if i == idx or vehicle(i) in self.settings.endpoints]
        self._mine = chosen(config, idx) or everybody
        lacking = [vehicle(i) for i in self._mine if vehicle(i) not in self.settings.endpoints]
        if lacking:
            raise LacoError("planner YAML: endpoints lacks {}".format(", ".join(lacking)))
        note_modalities(config)
        skip = (config.get("simulation") or {}).get("skip_frames", 4)
        self.fleet.begin(run, [vehicle(i) for i in self._mine], TICK * int(skip), prompts(config))

    def _observe(self, bank: banks.Bank, moment: int) -> None:
        self._moment, self._messages = moment, {}
        here = [i for i in self._mine if i not in BOARD.absent]
        limit = float(self.settings.limit)
        views = {vehicle(i): banks.view(bank, i, BOARD.facts(i), limit) for i in here}
        time = banks.clock(bank[-1])
        self._messages = {i: self._message(bank, i, views[vehicle(i)], moment, time) for i in here}
        self.fleet.observe(moment, time, views, self._present(banks.rows(bank[-1])))

    def _present(self, egos: int) -> list[str]:
        """All vehicles that LACO drives, in this planner or another one, and that are there."""
        return [name for name in map(vehicle, range(egos)) if self._drives(name)]

    def _drives(self, name: str) -> bool:
        return name in self.settings.endpoints and int(name[3:]) not in BOARD.absent

    def _message(self, bank: banks.Bank, idx: int, view: dict[str, Any], moment: int, time: float) -> dict[str, Any]:
        before = self._decisions.get(idx)
        right, backward = (float(value) for value in banks.look(bank[-1], "target", idx)[:2])
        text = "I drive at {:.1f} m/s towards a point {:.1f} m ahead and {:.1f} m to the {}.".format(
            view["speed"], -backward, abs(right), "right" if right > 0 else "left"
        )
        return {"idx": idx, "seq": moment, "bytes": before.said if before else 0, "t": time, "vehicle": vehicle(idx),
                "channel": self.settings.channel, "intent_description": text,
                "position": np.array(banks.look(bank[-1], "detmap_pose", idx)[:2], dtype=float)}  # fmt: skip


def chosen(config: Mapping[str, Any], idx: int) -> list[int]:
    """All egos that the agent YAML gives to the planner which it gave `idx` to; none if it does not say."""
    choice = (config.get("heter") or {}).get("ego_planner_choice")
    if not choice or idx >= len(choice):
        return []
    return [i for i, planner in enumerate(choice) if planner == choice[idx]]


def note_modalities(config: Mapping[str, Any]) -> None:
    """Say once if LangCoop's own planners would share nothing in this configuration."""
    if "collab" not in config:
        return
    shared = (config["collab"] or {}).get("sharing_modalities") or []
    lacking = [name for name in ("intent", "image") if name not in shared]
    if lacking:
        text = "LACO: collab.sharing_modalities lacks %s: LangCoop's own planners then share nothing, LACO's still do"
        _log.warning(text, " and ".join(lacking))

"""A driver in a rollout: its channel without sockets, for training on its own states and for calibration."""

from collections.abc import Mapping

from laco.agents.channels.base import Channel
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.comm import Chunk


class Student:
    """A policy: everyone hears everyone's beacon, then what the channel says, whole and at once."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        known = {}
        for name, view in views.items():
            known[name] = with_beacons(view, [v.beacon("") for n, v in views.items() if n != name])
        plans = {}
        for name, own in known.items():
            messages = [self._message(view, own) for n, view in known.items() if n != name]
            plans[name] = self.channel.hear(own, [m for m in messages if m is not None]).plan
        return plans

    def _message(self, view: Observation, to: Observation) -> list[Chunk] | None:
        fingerprint = self.channel.driver.fingerprint
        meta = {"sender": view.name, "addressee": to.name, "sim_time": view.time, "fingerprint": fingerprint}
        return self.channel.say(view, to.beacon(fingerprint), meta)

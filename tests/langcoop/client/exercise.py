"""Run by old interpreters too, so nothing newer than Python 3.7 here: the client as LangCoop uses it.

Arguments: one endpoint for each vehicle. Prints what it saw as JSON.
"""

import json
import pkgutil
import sys
import types
from copy import deepcopy
from pathlib import Path


class Registry(dict):
    """LangCoop's."""

    def register(self, target):
        assert target.__name__ not in self
        self[target.__name__] = target
        return target


def imports():
    """Which heavy packages come with the bare import; then everything is imported, and the team agents compiled."""
    import laco_langcoop

    heavy = sorted({"numpy", "zmq", "msgpack", "torch", "carla"} & set(sys.modules))
    for found in pkgutil.iter_modules(laco_langcoop.__path__):
        if found.name not in ("entry", "__main__"):
            __import__("laco_langcoop." + found.name)
    for name in laco_langcoop.ENTRIES:
        path = laco_langcoop.entry(name)
        compile(Path(path).read_text(encoding="utf-8"), path, "exec")
    return heavy


def entry(numpy, count, moment):
    turned = [[-13.3 * 0.0, 13.3 + 0.8 * moment + 9.0 * i, 3.14159265] for i in range(count)]
    return {
        "rgb_front": numpy.zeros((count, 600, 800, 3), numpy.uint8),
        "detmap_pose": numpy.array(turned, numpy.float32),
        "ego_yaw": numpy.zeros(count),
        "target": numpy.array([[0.0, -36.0]] * count),
        "object_list": [],
        "timestamp": 0.2 * moment,
    }


def drive(endpoints):
    """Thirteen moments in LangCoop's order; the plans and messages of the last one."""
    import laco_langcoop
    import numpy

    module = types.ModuleType("vlmdrive")
    module.VLMDRIVE_REGISTRY = Registry()
    sys.modules["vlmdrive"] = module
    laco_langcoop.register()
    laco_langcoop.register()
    names = {"ego{}".format(i): endpoint for i, endpoint in enumerate(endpoints)}  # noqa: UP032
    planner = module.VLMDRIVE_REGISTRY["LacoPlanner"](name="laco", endpoints=names, deadline=5.0)
    planner.to("cuda").eval()
    config = {"heter": {"ego_planner_choice": [0] * len(endpoints)}, "simulation": {"skip_frames": 4}}
    bank, count = [], len(endpoints)
    for moment in range(13):
        bank = [*bank[-5:], entry(numpy, count, moment)]
        messages = [planner.forward_single_intent(bank, config, i) for i in range(count)]
        plans = [planner.forward_single_collab(bank, config, i, deepcopy(messages)) for i in range(count)]
    planner.close()
    return [[plan["target_speed"].tolist(), plan["curvature"].tolist(), plan["dt"]] for plan in plans], messages


def main():
    heavy = imports()
    plans, messages = drive(sys.argv[1:])
    seen = {
        "version": list(sys.version_info[:2]),
        "heavy": heavy,
        "plans": plans,
        "seqs": [message["seq"] for message in messages],
        "torch": "torch" in sys.modules,
    }
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()

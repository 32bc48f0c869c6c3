"""Stands in for `leaderboard_evaluator_parameter.py`: same options and environment, same results and prints, no CARLA.

STAND_IN says how it goes: `` well, `crash` after the first route, `silent` (an exception, but status 0, as upstream),
`agent` (the agent crashed), `hang` (deaf to signals, with a child that has left its process group).
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import yaml

OPTIONS = """
--host --port --trafficManagerPort --trafficManagerSeed --carlaProviderSeed --debug --timeout --game_timeout
--routes --scenarios --scenario_parameter --repetitions --agent --agent-config --track --resume --checkpoint
--ego-num --skip_existed
"""


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def messages(model, idx, moment, route):
    """A line as the client writes it."""
    sent = [{"kind": "beacon", "addressee": "", "payload": 50, "metadata": 40, "framing": 0, "socket": 120}]
    heard = [{"sender": "ego9", "seq": moment, "kind": "beacon", "status": "used", "share": 1.0}]
    if model["channel"] != "silent":
        kind = model["channel"]
        sent.append({"kind": kind, "payload": 900, "metadata": 90, "framing": 10, "socket": 1100, "generated": 10})
        heard.append({"kind": kind, "status": "used" if moment % 2 else "air_lost", "share": 1.0})
    return {
        "moment": moment, "idx": idx, "run": route, "time": 0.2 * moment, "sent": sent, "heard": heard,
        "status": "braked" if moment == 3 else "planned", "round_trip": None if moment == 3 else 0.1 * (idx + 1),
        "seconds": {"think": 0.05, "wait": 0.01, "total": 0.06}, "foreign_tokens": 7,
    }  # fmt: skip


def record(route, index, idx):
    hits = ["hit a car"] if idx else []
    penalty = 0.6 if idx else 0.7  # the first ego ran a red light
    return {
        "route_id": "RouteScenario_" + route,
        "index": index,
        "status": "Failed - Agent crashed" if os.environ.get("STAND_IN") == "agent" else "Completed",
        "infractions": {"collisions_vehicle": hits, "red_light": [] if idx else ["ran a red light"]},
        "scores": {"score_route": 100.0, "score_penalty": penalty, "score_composed": 100.0 * penalty},
        "meta": {"duration_system": 1.0, "duration_game": 10.0, "route_length": 70.0},
    }


def hang():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    say("hanging now")
    time.sleep(600)


def main():
    parser = argparse.ArgumentParser()
    for option in OPTIONS.split():
        parser.add_argument(option)
    told = parser.parse_args()
    sys.path.insert(0, str(Path(told.agent).parent))
    agent = importlib.import_module(Path(told.agent).stem)
    assert agent.get_entry_point() == "LacoAgent"
    assert list(Path(os.environ["SAVE_PATH"]).iterdir()) == []
    config = yaml.safe_load(Path(told.agent_config).read_text())
    chosen = planners(config, int(told.ego_num))
    if os.environ.get("STAND_IN") == "hang":
        hang()
    routes = [route.get("id") for route in ElementTree.parse(told.routes).getroot()]
    found = [[] for _ in chosen]
    for repetition in range(int(told.repetitions)):
        for route in routes:
            say(f"\n\033[1m========= Preparing RouteScenario_{route} (repetition {repetition}) =========")
            drive(told, chosen, found, route)
            if os.environ.get("STAND_IN") == "crash":
                raise RuntimeError("Spawn failed because of collision at spawn position")
            if os.environ.get("STAND_IN") == "silent":
                say("Traceback (most recent call last):\nRuntimeError: time-out of 600000ms while waiting")
                return


def planners(config, egos):
    """Each ego's: LangCoop's agent reads them from files, its neighbours' has one for all in its own."""
    if "model" in config:
        return [config["model"]] * egos
    paths = config["heter"]["avail_heter_planner_configs"]
    models = [yaml.safe_load(Path(path).read_text())["model"] for path in paths]
    assert len(config["heter"]["ego_planner_choice"]) == egos == config["simulation"]["ego_num"]
    return [models[i] for i in config["heter"]["ego_planner_choice"]]


def drive(told, chosen, found, route):
    for idx, model in enumerate(chosen):
        with Path(model["log"]).open("a") as log:
            for moment in range(4):
                log.write(json.dumps(messages(model, idx, moment, route)) + "\n")
        found[idx].append(record(route, len(found[idx]), idx))
        results = Path(told.checkpoint).parent / f"ego_vehicle_{idx}" / Path(told.checkpoint).name
        results.parent.mkdir(exist_ok=True)
        results.write_text(json.dumps({"_checkpoint": {"records": found[idx]}, "values": [], "labels": []}))


if __name__ == "__main__":
    main()

"""Everything together: LACO's client in LangCoop's loop, `laco agent` servers, caches of real models between them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from double import hosting
from double.serving import Server, serving

from laco.models.fetch import is_installed

AGENT = Path(__file__).parents[2] / "agents/langcoop/laco_langcoop/entry/langcoop/laco_langcoop_agent.py"
CHANNELS = ["silent", "observation", "language", "visual", "latent"]
Fleet = dict[str, Server]
Begin = Callable[..., hosting.Drive]


@pytest.fixture(scope="module")
def cameras(vlm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A server each for ego0, ego1 and ego2: a tiny vision-language model with random weights."""
    names = ["ego0", "ego1", "ego2"]
    options = [["--vehicles", name, "--driver", "vlm", "--model", str(vlm_folder)] for name in names]
    with serving(tmp_path_factory.mktemp("cameras"), *options) as servers:
        yield dict(zip(names, servers, strict=True))


def laco(fleet: Fleet, egos: int, **more: Any) -> dict[str, Any]:
    """A planner YAML's model part."""
    endpoints = {f"ego{i}": fleet[f"ego{i}"].endpoint for i in range(egos)}
    return {"type": "LacoPlanner", "name": "laco", "endpoints": endpoints, "deadline": 30.0, **more}


def journal() -> list[dict[str, Any]]:
    """The client's log, a map per vehicle and decision."""
    lines = (Path(os.environ["SAVE_PATH"]) / "laco-messages.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("egos", [2, 3])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel(start: Begin, cameras: Fleet, channel: str, egos: int) -> None:
    drive = start(AGENT, [laco(cameras, egos, channel=channel)], [0] * egos)
    drive.tick(13)
    told = journal()
    assert [(e["moment"], e["idx"]) for e in told] == [(m, i) for m in range(4) for i in range(egos)]
    print([(e["status"], e["reason"], e["foreign_tokens"], e["sent"], e["heard"], e["seconds"], e["round_trip"]) for e in told[-egos:]])
    print(open(cameras["ego0"].log).read())
    assert 0

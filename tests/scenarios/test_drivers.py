"""Language and vision-language drivers on the embedded server, through the real client; tiny random models."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from laco.agents.channels import carried
from laco.agents.drivers import facts
from laco.comm.radio import Air
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.scenarios.layout import Ego, Layout
from laco.scenarios.pilots import Connected
from laco.scenarios.runner import Run
from laco.scenarios.session import Options, Result, Session, specs
from laco.scenarios.stage import Stage
from laco.scenarios.summary import figures

LACO = LacoConfig(steps=2, keep=0.5, layers=(0, 1))
SPOKEN = ("language", "conclusion", "latent")
SHORT = {"llm": 15.0, "vlm": 7.0}  # [m] of each route: a few decisions, and less than it takes to brake


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(hosts=2) as made:
        yield made


def short(layout: Layout, length: float) -> Layout:
    """The same start; routes end early."""

    def cut(ego: Ego) -> Ego:
        start, end = ego.route[0], ego.route[-1]
        return replace(ego, route=np.array([start, start + length * (end - start) / np.linalg.norm(end - start)]))

    return replace(layout, egos=tuple(cut(ego) for ego in layout.egos))


def driven(session: Session, driver: str, channel: str, model: Path) -> Result:
    """A short run, as `Session.run` drives a whole one."""
    options = Options(
        scenario="occluded-crossing-v1", seed=1001, channel=channel, driver=driver, weights=str(model), laco=LACO
    )
    layout, known = short(options.layout(), SHORT[driver]), facts(driver)
    with Stage(session.simulator, layout, known.camera) as stage:
        session.fleet.setup(specs(options, layout, ()))
        pilot = Connected(session.fleet, Air(), pictures=stage.pictures)
        record = Run(stage, pilot, period=known.period).drive()
    return Result(options, record, pilot.messages, {})


@pytest.mark.parametrize("channel", carried("llm"))
def test_a_language_model_drives_on_every_channel(session: Session, llm_folder: Path, channel: str) -> None:
    result = driven(session, "llm", channel, llm_folder)
    shown = figures(result)
    assert [ego["status"] for ego in shown["egos"].values()] == ["completed", "completed"]
    times = [scene.time for scene in result.record.scenes]
    assert times == pytest.approx(range(len(times)))  # one decision a second
    assert len(times) > 1
    count = 0 if channel == "silent" else 2 * len(times)
    assert shown["messages"]["count"] == count
    assert shown["receipts"].get(channel, {}) == ({"used": count} if count else {})
    assert (min(result.messages.foreign_tokens) > 0) == bool(count)
    assert (shown["messages"]["generated"] > 0) == (channel in SPOKEN)
    assert shown["failed_plans"] == 0


@pytest.mark.parametrize("channel", ["visual", "latent"])
def test_a_vision_language_model_sees_through_its_camera(
    session: Session, vlm_folder: Path, channel: str
) -> None:
    """It writes no plan, being random: every plan brakes and is counted."""
    pytest.importorskip("panda3d")
    shown = figures(driven(session, "vlm", channel, vlm_folder))
    assert shown["messages"]["count"] == shown["receipts"][channel]["used"] > 0
    assert shown["failed_plans"] == shown["decisions"] > 0
    assert shown["foreign_tokens"] > 0
    assert [ego["status"] for ego in shown["egos"].values()] == ["completed", "completed"]


def test_what_a_driver_cannot_carry_is_refused_before_anything_starts() -> None:
    options = Options(scenario="occluded-crossing-v1", channel="language")
    with pytest.raises(ConfigError, match="the vector driver cannot carry 'language'"):
        specs(options, options.layout(), ())

"""Drivers that are rules: they need no host, and run like all others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from laco.agents.channels import carried
from laco.agents.drivers.check import weights_of
from laco.agents.drivers.load import load
from laco.errors import ConfigError
from laco.scenarios.session import Options, Session
from laco.scenarios.summary import figures


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(hosts=1) as made:
        yield made


def test_the_expert_sees_through_others_on_observation_only(session: Session) -> None:
    """Seed 1000: silent without caution A meets the hidden car; with B's eyes it does not."""
    results = {}
    for channel in ("silent", "observation"):
        options = Options(scenario="occluded-crossing-v1", seed=1000, driver="expert", channel=channel, caution=0.0)
        results[channel] = figures(session.run(options, {"A": 9.0, "B": 9.0}))
    assert session._fleet is None  # nobody was started
    assert results["silent"]["egos"]["A"]["collisions"] > 0
    assert [e["driving_score"] for e in results["observation"]["egos"].values()] == [100.0, 100.0]
    assert results["observation"]["messages"]["count"] == 0


def test_auto_arrives_where_nothing_hides(session: Session) -> None:
    options = Options(scenario="occluded-crossing-v1", seed=1000, twin=True, driver="auto", channel="silent")
    egos = figures(session.run(options, {}))["egos"]
    assert [e["driving_score"] for e in egos.values()] == [100.0, 100.0]


def test_what_they_carry() -> None:
    assert (carried("expert"), carried("auto")) == (("silent", "observation"), ("silent",))


def test_they_have_no_weights_and_no_host() -> None:
    with pytest.raises(ConfigError, match="neither weights nor a model"):
        weights_of("auto", Path("some.safetensors"), None)
    with pytest.raises(ConfigError, match="neither weights nor a model"):
        weights_of("expert", None, "smollm2")
    assert weights_of("expert", None, None) == ""
    with pytest.raises(ConfigError, match="needs no host"):
        load("expert")

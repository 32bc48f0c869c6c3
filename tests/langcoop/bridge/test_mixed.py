"""Vehicles with different models in one run: texts cross, what is a model's own is refused with the reason."""

import pytest

from .conftest import Convoy, heard


@pytest.fixture
def convoy(serve, connect, llm_folder, vlm_folder) -> Convoy:
    """ego0 reads words, ego1 and ego2 look through cameras."""
    served = serve("ego0", "llm", llm_folder), serve("ego1,ego2", "vlm", vlm_folder)
    places = (served[0], served[1], served[1])
    return Convoy(connect, {f"ego{n}": server.endpoint for n, server in enumerate(places)})


@pytest.mark.parametrize("channel", ["observation", "language"])
def test_texts_cross(convoy: Convoy, channel: str) -> None:
    convoy.hello(channel)
    plans = convoy.moment(0)
    assert {name: heard(plan, channel) for name, plan in plans.items()} == {
        "ego0": {"ego1": "used", "ego2": "used"},
        "ego1": {"ego0": "used", "ego2": "used"},
        "ego2": {"ego0": "used", "ego1": "used"},
    }
    assert [s["addressee"] for s in plans["ego1"]["sent"]] == ["", ""]  # one broadcast: any model can read it


def test_caches_do_not(convoy: Convoy) -> None:
    convoy.hello("latent")
    plans = convoy.moment(0)
    statuses = [(h["listener"], h["sender"], h["status"]) for h in plans["ego0"]["heard"] if h["kind"] == "latent"]
    assert ("ego1", "ego0", "unspoken") in statuses
    unspoken = [h for h in plans["ego1"]["heard"] if h["status"] == "unspoken"]
    assert [h["listener"] for h in unspoken] == ["ego0"]
    assert "and no adapter from" in unspoken[0]["reason"]
    assert plans["ego0"]["foreign_tokens"] == 0
    assert len(plans["ego0"]["speed"]) == 5  # it drives on
    alike = [h["status"] for h in plans["ego1"]["heard"] if (h["sender"], h["kind"]) == ("ego2", "latent")]
    assert alike == ["used"]
    assert plans["ego1"]["foreign_tokens"] > 0


def test_embeddings_of_another_model_are_refused(convoy: Convoy) -> None:
    convoy.hello("visual")
    plans = convoy.moment(0)
    refused = [h for h in plans["ego0"]["heard"] if (h["sender"], h["kind"]) == ("ego1", "visual")]
    assert {h["status"] for h in refused} <= {"refused", "stale"}  # it was told to all, and then to ego0 alone
    assert any("another model" in h["reason"] for h in refused)
    assert plans["ego0"]["foreign_tokens"] == 0


def test_the_built_in_driver_talks_in_objects(serve, connect, weights) -> None:
    servers = [serve(name, "vector", weights) for name in ("ego0", "ego1")]
    convoy = Convoy(connect, {f"ego{n}": server.endpoint for n, server in enumerate(servers)})
    convoy.hello("observation")
    plans = convoy.moment(0, image=None)
    assert heard(plans["ego0"], "observation") == {"ego1": "used"}
    client = convoy.clients["ego0"]
    client.hello(convoy.fleet, "language")
    assert client.receive()["reason"].startswith("the vector driver cannot carry 'language'")

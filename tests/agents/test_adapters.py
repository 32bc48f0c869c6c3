"""Vehicles with different models: what they offer, agree on, refuse, and hear through an adapter."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from laco.agents import adapter_file
from laco.agents.adapters import Adapters, adapted, agreed
from laco.agents.agent import Agent
from laco.agents.channels.build import build
from laco.agents.channels.latent import Latent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.agents.messages import AgentSpec
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.comm import WireError, parse
from laco.comm.handshake import Offer
from laco.comm.mesh import Mesh, barrier
from laco.comm.radio import Air
from laco.config import LacoConfig
from laco.errors import BackboneError, ConfigError, HandshakeError
from laco.method.adapter import CacheAdapter

LACO = LacoConfig(steps=2, keep=1.0, layers=(0,), realign="identity")
LAYERS = {0: (0, 1), 2: (2, 3)}


@pytest.fixture(scope="module")
def other() -> VectorDriver:
    """A driver of another shape than `driver`: 4 layers, wider, more heads."""
    torch.manual_seed(2)
    return VectorDriver(VectorModel(width=48, layers=4, heads=6, kv_heads=3), input_norm=2.0)


@pytest.fixture
def path(other: VectorDriver, driver: VectorDriver, tmp_path: Path) -> Path:
    """An adapter file from `other` to `driver`."""
    adapter = CacheAdapter.between(other.backbone, driver.backbone, LAYERS, hidden=4, first=True)
    where = tmp_path / adapter_file.name_of(other.fingerprint, driver.fingerprint)
    adapter_file.save(where, adapter, other.fingerprint, driver.fingerprint, "untrained")
    return where


def latent(driver: VectorDriver, path: Path | None = None) -> Latent:
    adapters = Adapters.read([] if path is None else [str(path)], driver.backbone, driver.fingerprint)
    return Latent(driver, 0.5, LACO, "fp32", adapters=adapters)


@pytest.fixture
def views(eastward: Callable[..., Observation]) -> tuple[Observation, Observation]:
    """The listener's view, and the speaker's, who sees a car that the listener does not."""
    scene = {
        "sights": (Sight((25.0, 0.0), -1.57, 40.0),),
        "actors": (Actor(3, Body(25.0, 20.0, -1.57, 9.0, 2, 1)),),
    }
    return eastward(sights=(Sight((25.0, 0.0), -1.57, 4.0),)), eastward(x=60.0, name="B", **scene)


def meta(driver: VectorDriver) -> dict[str, Any]:
    pose = (60.0, 0.0, 0.0)
    return {"sender": "B", "addressee": "A", "seq": 4, "sim_time": 0.0, "pose": pose, "fingerprint": driver.fingerprint}


def test_what_a_listener_offers_is_what_a_speaker_of_the_other_model_sends(
    driver: VectorDriver, other: VectorDriver, path: Path, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    listener, speaker = latent(driver, path), latent(other)
    beacon = own.beacon(driver.fingerprint, listener.offers)
    chunks = speaker.say(theirs, beacon, meta(other))
    assert parse(chunks[0].header).layers == (0, 1, 2, 3)  # not the speaker's own (0,)
    heard = listener.hear(own, [chunks])
    assert not heard.refused
    assert heard.foreign_tokens > 0
    silent = latent(driver).hear(own, [])
    assert heard.plan != silent.plan


def test_a_speaker_of_the_same_model_sends_its_own_layers(
    driver: VectorDriver, path: Path, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    listener = latent(driver, path)
    chunks = latent(driver).say(theirs, own.beacon(driver.fingerprint, listener.offers), meta(driver))
    assert parse(chunks[0].header).layers == (0,)
    assert not listener.hear(own, [chunks]).refused


def test_a_speaker_says_nothing_that_the_listener_could_not_read(
    driver: VectorDriver, other: VectorDriver, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    with pytest.raises(HandshakeError, match=r"A has model .*, and no adapter from"):
        latent(other).say(theirs, own.beacon(driver.fingerprint), meta(other))


def test_an_offer_of_another_version_is_no_agreement(
    driver: VectorDriver, other: VectorDriver, views: tuple[Observation, Observation]
) -> None:
    offer = Offer(other.fingerprint, adapter_file.VERSION + 1, (0,))
    with pytest.raises(HandshakeError, match="version 2, not 1"):
        agreed(other.fingerprint, views[0].beacon(driver.fingerprint, (offer,)))


def test_a_listener_refuses_a_model_it_has_no_adapter_from(
    driver: VectorDriver, other: VectorDriver, path: Path, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    beacon = own.beacon(driver.fingerprint, latent(driver, path).offers)
    heard = latent(driver).hear(own, [latent(other).say(theirs, beacon, meta(other))])
    assert heard.foreign_tokens == 0
    assert f"its fingerprint is '{other.fingerprint}'" in heard.refused[0]
    assert "no adapter between them" in heard.refused[0]


def test_a_listener_refuses_layers_that_the_adapter_does_not_read(
    driver: VectorDriver, other: VectorDriver, path: Path, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    chunks = latent(other).say(theirs, own.beacon(""), meta(other))  # it takes A for one of its own
    assert "the cache lacks (1, 2, 3)" in latent(driver, path).hear(own, [chunks]).refused[0]


def test_offers_travel_in_the_beacon(driver: VectorDriver, path: Path, views: tuple[Observation, Observation]) -> None:
    beacon = views[0].beacon(driver.fingerprint, latent(driver, path).offers)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(beacon), type=type(beacon))
    assert again.offers == beacon.offers != ()


def test_a_spec_names_folders_of_adapters(driver: VectorDriver, other: VectorDriver, path: Path) -> None:
    spec = AgentSpec("A", "latent", laco=LACO, adapters=(str(path.parent),))
    assert [offer.fingerprint for offer in build(spec, driver, {}).offers] == [other.fingerprint]
    assert build(spec, other, {}).offers == ()  # in a folder, adapters to other models are passed over


def test_the_file_gives_back_the_adapter(driver: VectorDriver, other: VectorDriver, path: Path) -> None:
    card, adapter = adapter_file.load(path)
    assert (card.source, card.target, card.recipe) == (other.fingerprint, driver.fingerprint, "untrained")
    fresh = CacheAdapter.between(other.backbone, driver.backbone, LAYERS, hidden=4, first=True)
    assert adapter.layers == fresh.layers
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, adapter.state_dict()[name])


def test_the_same_adapter_gives_the_same_bytes(driver: VectorDriver, other: VectorDriver, path: Path) -> None:
    again = path.with_name("again.safetensors")
    card, adapter = adapter_file.load(path)
    adapter_file.save(again, adapter, card.source, card.target, card.recipe)
    assert again.read_bytes() == path.read_bytes()


def test_an_adapter_to_another_model_is_refused(stranger: VectorDriver, path: Path) -> None:
    with pytest.raises(BackboneError, match=f"not to {stranger.fingerprint}"):
        latent(stranger, path)


def test_an_adapter_of_another_shape_is_refused(other: VectorDriver, driver: VectorDriver, path: Path) -> None:
    with pytest.raises(BackboneError, match="the model has others"):
        Adapters.read([str(path)], other.backbone, driver.fingerprint)


def test_a_second_adapter_from_the_same_model_is_refused(driver: VectorDriver, path: Path) -> None:
    with pytest.raises(ConfigError, match="second adapter"):
        Adapters.read([str(path), str(path)], driver.backbone, driver.fingerprint)


def rewritten(path: Path, **tensors: torch.Tensor | None) -> Path:
    """The file with other tensors; None leaves one out."""
    held = load_file(path) | tensors
    card = {adapter_file.KEY: msgspec.json.encode(adapter_file.card_of(path)).decode()}
    save_file({name: tensor for name, tensor in held.items() if tensor is not None}, path, card)
    return path


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"format": "laco-vector-1"}, "is not an adapter file"),
        ({adapter_file.KEY: '{"version": 2, "news": []}'}, "adapter version 2, this program takes 1"),
        ({adapter_file.KEY: '{"version": 1}'}, "does not say what it holds"),
        ({adapter_file.KEY: "?"}, "does not say what it holds"),
    ],
)
def test_a_file_that_says_something_else_is_refused(path: Path, metadata: dict[str, str], reason: str) -> None:
    save_file(load_file(path), path, metadata)
    with pytest.raises(BackboneError, match=reason):
        adapter_file.load(path)


def test_a_file_that_does_not_hold_what_it_says_is_refused(path: Path) -> None:
    with pytest.raises(BackboneError, match="does not hold what it says"):
        adapter_file.load(rewritten(path, **{"maps.0.up.weight": None}))


def test_a_file_of_sizes_that_do_not_fit_is_refused(path: Path) -> None:
    with pytest.raises(BackboneError, match="does not hold what it says"):
        adapter_file.load(rewritten(path, **{"maps.0.up.weight": torch.zeros(3, 3)}))


def test_a_file_with_nan_is_refused(path: Path) -> None:
    broken = load_file(path)["maps.1.linear.weight"]
    broken[0, 0] = float("nan")
    with pytest.raises(BackboneError, match="not finite"):
        adapter_file.load(rewritten(path, **{"maps.1.linear.weight": broken}))


def test_a_file_that_is_no_safetensors_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("nothing")
    for name in ("text", "missing"):
        with pytest.raises(BackboneError, match="cannot be read as an adapter"):
            adapter_file.load(tmp_path / name)


def test_a_cache_of_the_own_model_passes_as_it_is(driver: VectorDriver) -> None:
    adapters = Adapters(driver.fingerprint)
    cache = latent(driver).think  # any object: it is not looked at
    assert adapted(cache, adapters, driver.fingerprint) is cache  # type: ignore[arg-type]
    with pytest.raises(WireError, match="no adapter between them"):
        adapted(cache, adapters, "somebody")  # type: ignore[arg-type]


def test_a_damaged_foreign_message_is_called_damaged(
    driver: VectorDriver, other: VectorDriver, path: Path, views: tuple[Observation, Observation]
) -> None:
    own, theirs = views
    listener = latent(driver, path)
    chunk = latent(other).say(theirs, own.beacon(driver.fingerprint, listener.offers), meta(other))[0]
    spoiled = bytearray(chunk.buffers[0])
    spoiled[5] ^= 1
    heard = listener.hear(own, [[replace(chunk, buffers=(bytes(spoiled), *chunk.buffers[1:]))]])
    assert "damaged" in heard.refused[0]


def test_on_the_road_the_one_with_the_adapter_hears_and_the_other_is_not_spoken_to(
    context, driver: VectorDriver, other: VectorDriver, path: Path, eastward: Callable[..., Observation]
) -> None:
    channels = {"A": latent(driver, path), "B": latent(other)}
    views = {"A": eastward(name="A"), "B": eastward(name="B", x=30.0)}
    positions = {name: (view.body.x, view.body.y) for name, view in views.items()}
    with ExitStack() as stack:
        meshes = {name: stack.enter_context(Mesh(name, context=context)) for name in channels}
        for mesh in meshes.values():
            mesh.subscribe({name: peer.endpoint for name, peer in meshes.items()})
        barrier(meshes.values())
        agents = {name: Agent(name, channels[name], meshes[name], guard=1.0) for name in channels}
        air = Air()
        fates = air.step(0.0, [agents[n].announce(view).manifest for n, view in views.items()], positions)
        said = [sent.manifest for agent in agents.values() for sent in agent.speak(fates)]
        assert [(m.sender, m.addressee) for m in said] == [("B", "A")]
        fates = air.step(0.0, said, positions)
        decisions = {name: agent.listen(fates) for name, agent in agents.items()}
    assert decisions["A"].foreign_tokens > 0
    unspoken = [r for r in decisions["A"].receipts if r.status == "unspoken"]
    assert [(r.sender, r.listener, r.kind) for r in unspoken] == [("A", "B", "latent")]
    assert "no adapter from" in unspoken[0].reason
    assert decisions["B"].foreign_tokens == 0

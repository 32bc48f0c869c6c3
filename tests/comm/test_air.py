"""The air: one fate per listener, in an order that depends on nothing but the names."""

import math

import msgspec
import pytest

from laco.comm.radio import Air, Fate, Manifest, presets
from laco.errors import ConfigError

WHERE = {"v1": (0.0, 0.0), "v2": (10.0, 0.0), "v3": (0.0, 5.0)}


def spoken(sender: str = "v1", addressee: str = "", seq: int = 0, delay: float = 0.0) -> Manifest:
    return Manifest(sender, addressee, seq, "kv", 1.0, 1.0 + delay, (1400, 300))


def test_an_addressed_message_has_one_listener() -> None:
    fates = Air().step(1.0, [spoken(addressee="v2", delay=0.04)], WHERE)
    assert fates == [Fate("v1", "v2", 0, "kv", (True, True), 1.04, began=1.04, fragments=2)]


def test_a_broadcast_has_every_other_vehicle() -> None:
    fates = Air().step(1.0, [spoken("v2")], WHERE)
    assert [fate.listener for fate in fates] == ["v1", "v3"]
    assert all(fate.delivered == (True, True) and fate.at == 1.0 for fate in fates)


def test_who_is_not_there_hears_nothing() -> None:
    (fate,) = Air().step(1.0, [spoken(addressee="v9")], WHERE)
    assert fate.delivered == (False, False)
    assert math.isinf(fate.at)


@pytest.mark.parametrize("radio", presets())
def test_the_same_in_any_order_and_again_after_reset(radio) -> None:
    manifests = [spoken("v3"), spoken("v1", "v2", 1), spoken("v1"), spoken("v2", "v1")]
    air = Air(radio, seed=3)
    fates = air.step(1.0, manifests, WHERE)
    assert fates == sorted(fates, key=lambda f: (f.sender, f.seq, f.listener))
    assert len(fates) == 2 + 1 + 2 + 1
    air.reset()
    assert air.step(1.0, reversed(manifests), dict(reversed(WHERE.items()))) == fates
    assert Air(radio, seed=3).step(1.0, manifests, WHERE) == fates


def test_nothing_said_nothing_heard() -> None:
    assert Air().step(0.0, [], WHERE) == []


@pytest.mark.parametrize("then", [0.9, math.nan])
def test_time_does_not_go_back(then) -> None:
    air = Air()
    air.step(1.0, [], WHERE)
    with pytest.raises(ConfigError, match="not before"):
        air.step(then, [], WHERE)
    air.reset()
    air.step(0.0, [], WHERE)


def test_an_unknown_radio_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown radio 'idael'; did you mean 'ideal'"):
        Air("idael")


def test_manifests_and_fates_travel() -> None:
    for value in (spoken(), *Air().step(1.0, [spoken(addressee="v9")], WHERE)):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value)) == value

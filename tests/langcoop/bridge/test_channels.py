"""Every channel between vehicles on one, two and three servers."""

import pytest

from .conftest import Convoy, heard

NAMES = ("ego0", "ego1", "ego2")


def spread(serve, driver: str, weights: object, servers: int, vehicles: int) -> dict[str, str]:
    """Each vehicle's endpoint, dealt out over so many servers."""
    names = NAMES[:vehicles]
    made = [serve(",".join(names[place::servers]), driver, weights) for place in range(servers)]
    return {name: made[place % servers].endpoint for place, name in enumerate(names)}


CHANNELS = ("silent", "observation", "language", "visual", "latent")
SPREADS = [("llm", 1, 2), ("llm", 3, 3), ("vlm", 2, 3)]


@pytest.mark.parametrize(("driver", "servers", "vehicles"), SPREADS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_messages_are_heard(serve, connect, llm_folder, vlm_folder, driver, channel, servers, vehicles) -> None:
    fleet = spread(serve, driver, llm_folder if driver == "llm" else vlm_folder, servers, vehicles)
    convoy = Convoy(connect, fleet)
    assert all(welcome["missing"] == [] for welcome in convoy.hello(channel).values())
    plans = convoy.moment(0)
    for name, plan in plans.items():
        others = set(fleet) - {name}
        assert heard(plan, "beacon") == dict.fromkeys(others, "used")
        assert len(plan["speed"]) == len(plan["curvature"]) == 5
        assert all(0.0 <= speed <= 8.0 + 1e-6 for speed in plan["speed"])
        kinds = [(s["kind"], s["addressee"]) for s in plan["sent"]]
        assert kinds[0] == ("beacon", "")
        if channel == "silent":
            assert len(kinds) == 1
            assert plan["foreign_tokens"] == 0
            continue
        assert set(heard(plan, channel)) == others, plan["heard"]
        assert set(heard(plan, channel).values()) == {"used"}, plan["heard"]
        assert plan["foreign_tokens"] > 0
        assert all(s["payload"] > 0 and s["metadata"] > 0 and s["socket"] > s["payload"] for s in plan["sent"])

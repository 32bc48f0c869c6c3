"""The server starts only beside a `carla` package of its own version."""

from importlib import metadata
from typing import NoReturn

import pytest

from laco.errors import WorldError
from laco.scenarios.server.options import WorldOptions
from laco.scenarios.server.serve import serve
from laco.scenarios.server.wheel import require_wheel


def test_the_installed_one_will_do() -> None:
    require_wheel()


def test_another_version_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "0.9.15")
    with pytest.raises(WorldError) as refusal:
        serve(WorldOptions(port=0))
    assert str(refusal.value) == (
        "the carla package here is version 0.9.15, and this server speaks 0.9.16: pip install carla==0.9.16"
    )


def test_a_build_of_ones_own_is_taken_on_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> NoReturn:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", nowhere)
    require_wheel()

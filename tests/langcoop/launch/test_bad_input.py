"""What cannot be used is refused in one line, before anything starts."""

import sys
from pathlib import Path

import pytest

from laco.cli.main import main
from laco.langcoop.campaign import installing

from .conftest import Place, route_file


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line, checked to be one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["laco", "langcoop", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
    assert caught.value.code == 2
    errors = capfd.readouterr().err
    assert errors.startswith("laco: ")
    assert errors.count("\n") == 1
    return errors.removeprefix("laco: ").strip()


LLM = ("--driver", "llm", "--model", "owner/name", "--routes", "0")
CASES = [
    (("--driver", "vlm", "--routes", "0"), "the vlm driver needs a model"),
    (("--driver", "vector", "--routes", "0"), "the driver of an evaluator's vehicle is llm or vlm, not 'vector'"),
    ((*LLM, "--channel", "telepathy"), "unknown channel 'telepathy'; there are silent, observation, language"),
    ((*LLM, "--vehicle", "ego2=llm"), "--vehicle ego2=llm: there are 2 egos, ego0 to ego1"),
    ((*LLM, "--vehicle", "first=llm"), "--vehicle takes egoN=DRIVER or egoN=DRIVER:MODEL, not 'first=llm'"),
    ((*LLM, "--charge", "soon"), "--charge is frozen, measured or milliseconds, not 'soon'"),
    ((*LLM, "--charge", "nan"), "--charge is frozen, measured or milliseconds, not 'nan'"),
    ((*LLM, "--radio", "smoke"), "unknown radio 'smoke'"),
    ((*LLM, "--scenario-parameter", "9"), "no scenario parameters '9': neither a file nor"),
    ((*LLM, "--base", "none_such"), "no agent YAML 'none_such'"),
    ((*LLM, "--python", "python9.9"), "no Python interpreter 'python9.9'"),
    ((*LLM, "--python", "/bin/true"), "/bin/true is no Python interpreter that runs"),
    ((*LLM, "--evaluator", "colmdriver"), "takes no --routes_dir: it is not CoLMDriver's"),
    ((*LLM, "--routes", "77"), "no route '77': neither a file nor"),
    (("--driver", "llm", "--model", "owner/name"), "no routes: name a file, a folder or ids with --routes"),
    ((*LLM, "--routes-dir", "r1"), "LangCoop's evaluator takes route files: use --routes"),
    ((*LLM, "--agents", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"), "or one for each of the 2 egos, not 3"),
    ((*LLM, "--agents", "nowhere"), "an agent host's address is HOST:PORT or KEY@HOST:PORT, not 'nowhere'"),
]


@pytest.mark.parametrize(("options", "line"), CASES, ids=[" ".join(options[-2:]) for options, _ in CASES])
def test_refused(options: tuple[str, ...], line: str, place: Place, capfd, tmp_path: Path) -> None:
    assert line in refused(capfd, "run", *place.options, "--out", str(tmp_path / "out"), *options)
    assert not (tmp_path / "out").exists()


def test_places_that_are_something_else(place: Place, capfd, tmp_path: Path) -> None:
    carla = ("--carla-root", str(place.carla), *LLM)
    line = refused(capfd, "run", "--langcoop", str(tmp_path / "carla"), *carla)
    assert line.startswith(f"{tmp_path}/carla is no checkout of LangCoop, V2Xverse or CoLMDriver: it has no simul")
    line = refused(capfd, "run", "--langcoop", str(place.langcoop), "--carla-root", str(tmp_path / "client"), *LLM)
    assert line == f"{tmp_path}/client is no CARLA installation: it has no PythonAPI/carla"


def test_nobody_at_the_port(place: Place, capfd) -> None:
    options = [*place.options, *LLM, "--port", str(place.free)]
    line = refused(capfd, "run", *options)
    assert line.startswith(f"nothing listens at localhost:{place.free}: start CarlaUE4.sh --world-port={place.free}")
    line = refused(capfd, "run", *place.options, *LLM, "--tm-port", str(place.port))
    assert line == f"port {place.port} of the traffic manager is in use: choose another --tm-port"


def test_the_client_is_missing(place: Place, capfd, tmp_path: Path) -> None:
    options = [*place.options, *LLM]
    options[options.index(str(place.client))] = str(tmp_path / "empty")
    line = refused(capfd, "run", *options)
    assert line.endswith(f"run {installing(sys.executable)}")
    assert "No module named 'laco_langcoop'" in line


def test_routes_that_are_none(place: Place, capfd, tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<routes>")
    assert refused(capfd, "run", *place.options, *LLM[:-1], str(path)).startswith(f"{path} is not XML")
    folder = tmp_path / "r9_town05_ins_ss"
    for idx in range(2):
        route_file(folder / f"r9_{idx}.xml", "9")
    line = refused(capfd, "run", *place.options, *LLM[:-1], str(folder))
    assert line == f"{folder} has a file per vehicle, which only CoLMDriver's evaluator drives"

"""What a suite's definition comes to."""

from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest

from laco.agents.drivers import lora
from laco.agents.drivers.lora_file import PLAIN, VERSION, Card
from laco.agents.drivers.profile import load
from laco.errors import ConfigError, LacoError
from laco.scenarios.catalog import SCENARIOS
from laco.scenarios.suite import keys
from laco.scenarios.suite.grid import expand, recording
from laco.scenarios.suite.spec import Gap, Setting, Suite, dump, read, seeds_of

SILENT = Setting(name="silent", channel="silent")


def suite(**changes: object) -> Suite:
    plain = {"scenarios": ("occluded-crossing",), "settings": (SILENT, Setting(name="latent")), "seeds": "1001-1003"}
    return Suite(**{**plain, **changes})  # type: ignore[arg-type]


def test_every_line_meets_every_seed_and_twin() -> None:
    grid = expand(suite(radios=("ideal", "dsrc_6m"), times=("frozen", "charged:50")))
    assert len(grid.lines) == 2 * 2 * 2
    assert len(grid.jobs) == len({job.key for job in grid.jobs}) == 8 * 3 * 2
    assert {job.options.scenario for job in grid.jobs} == {"occluded-crossing-v1"}
    assert grid.title(grid.lines[0]) == "silent, ideal, frozen"
    assert [job.options.seed for job in grid.jobs] == sorted(job.options.seed for job in grid.jobs)


def test_all_is_the_whole_catalogue() -> None:
    assert expand(suite(scenarios=("all",))).scenarios == tuple(s.id for s in SCENARIOS)


def test_a_setting_changes_what_it_names_only() -> None:
    more = Setting(name="more", laco={"keep": 0.5, "layers": [0]}, payload="twin", caution=1.0)
    plain, changed = (line.base for line in expand(suite(settings=(Setting(name="latent"), more))).lines)
    assert changed.laco.keep == 0.5
    assert changed.laco.layers == (0,)
    assert changed.laco.realign == plain.laco.realign
    assert (changed.payload, changed.caution, changed.codec) == ("twin", 1.0, plain.codec)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": (Setting(name="x", laco={"kep": 0.5}),)}, "kep"),
        ({"settings": (Setting(name="x", laco={"keep": 5.0}),)}, "keep"),
        ({"settings": (Setting(name="x", codec="zip"),)}, "zip"),
        ({"settings": (Setting(name="x", payload="lies"),)}, "lies"),
        ({"settings": (Setting(name="x", channel="language"),)}, "vector driver cannot carry"),
        ({"settings": (Setting(name="x", weights="/nowhere.safetensors"),)}, "nowhere"),
        ({"seeds": "9-1"}, "9-1"),
        ({"drivers": ("nobody",)}, "nobody"),
        ({"radios": ("smoke",)}, "smoke"),
        ({"times": ("charged:x",)}, "charged:x"),
        ({"baseline": "loud"}, "loud"),
        ({"scenarios": ("nowhere",)}, "nowhere"),
    ],
)
def test_what_cannot_be_driven_is_refused_before_anything_starts(changes: dict[str, object], said: str) -> None:
    with pytest.raises(LacoError, match=said) as caught:
        expand(suite(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [(SILENT, SILENT), (SILENT, Setting(name="latent", against="loud"))],
)
def test_settings_have_names_of_their_own_and_name_each_other(settings: tuple[Setting, ...]) -> None:
    with pytest.raises(ConfigError):
        suite(settings=settings)
    with pytest.raises(ConfigError):
        suite(gaps=(Gap(closes="nobody", high="latent"),))


def test_drivers_skip_what_they_cannot_carry(llm_folder: Path) -> None:
    both = (SILENT, Setting(name="words", channel="language", model=str(llm_folder), drivers=("llm",)))
    grid = expand(suite(settings=both[:1], drivers=("vector",)))
    assert not grid.skipped
    assert [line.driver for line in grid.lines] == ["vector"]
    only = Setting(name="silent", channel="silent", drivers=("vector",))
    grid = expand(suite(settings=(only, both[1]), drivers=("vector", "llm")))
    assert [(line.setting.name, line.driver) for line in grid.lines] == [("silent", "vector"), ("words", "llm")]


def test_another_seeds_payloads_are_recorded_under_a_key_of_their_own() -> None:
    grid = expand(suite(settings=(Setting(name="other", payload="other"),)))
    hazard, twin = grid.jobs[:2]
    assert hazard.options.other == twin.options.other != ""
    made = recording(hazard.options)
    assert (made.seed, made.twin, made.payload) == (hazard.options.seed + 1, False, "true")
    assert keys.key_of(made) == hazard.options.other


def test_a_key_does_not_depend_on_where_a_value_came_from() -> None:
    profile = load().laco
    plain, said = (Setting(name="latent", laco=laco) for laco in ({}, asdict(profile)))
    keyed = [keys.key_of(expand(suite(settings=(one,))).lines[0].base) for one in (plain, said)]
    base = expand(suite(settings=(plain,))).lines[0].base
    assert keyed[0] == keyed[1] == keys.key_of(msgspec.structs.replace(base, laco=profile))


def test_a_key_is_what_a_file_holds_not_where_it_lies(weights: str, tmp_path: Path) -> None:
    moved, changed = tmp_path / "moved.safetensors", tmp_path / "changed.safetensors"
    moved.write_bytes(Path(weights).read_bytes())
    changed.write_bytes(Path(weights).read_bytes()[:-1] + b"\0\1")
    base = expand(suite()).lines[0].base
    found = [keys.key_of(msgspec.structs.replace(base, weights=str(path))) for path in (weights, moved, changed)]
    assert found[0] == found[1] != found[2]
    assert keys.key_of(base) not in found


def test_a_model_with_another_lora_is_another_run(llm_folder: Path, tmp_path: Path) -> None:
    """And a suite's file may ask for the plain model."""
    prints = []
    for number in range(2):
        path = tmp_path / f"{number}.safetensors"
        lora.save(path, {}, Card(VERSION, "some model", recipe=str(number)))
        setting = Setting(name="x", channel="silent", model=str(llm_folder), weights=str(path))
        prints.append(keys.key_of(expand(suite(settings=(setting,), drivers=("llm",))).lines[0].base))
    plain = Setting(name="x", channel="silent", model=str(llm_folder), weights=PLAIN)
    made = suite(settings=(plain,), drivers=("llm",))
    (tmp_path / "suite.yaml").write_bytes(dump(made))
    assert read(tmp_path / "suite.yaml").settings[0].weights == PLAIN
    prints.append(keys.key_of(expand(made).lines[0].base))
    assert len(set(prints)) == 3


def test_large_files_are_known_by_size_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(keys, "WHOLE", 8)
    monkeypatch.setattr(keys, "EDGE", 2)
    prints = []
    for number, data in enumerate((b"abcdefghij", b"abcdEfghij", b"abcdefghiJ", b"abcdefghijk")):
        (tmp_path / f"{number}").mkdir()
        path = tmp_path / f"{number}" / "model.bin"
        path.write_bytes(data)
        prints.append(keys.fingerprint(str(path.parent)))
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_a_suite_comes_back_from_its_file(weights: str, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(Path(weights).read_bytes())
    made = suite(
        settings=(SILENT, Setting(name="latent", weights="w.safetensors", laco={"keep": 0.5})),
        gaps=(Gap(closes="latent", high="latent"),),
        seeds=7,
        limit=5.0,
    )
    path = tmp_path / "suite.yaml"
    path.write_bytes(dump(made))
    back = read(path)
    assert back.settings[1].weights == str(tmp_path / "w.safetensors")
    assert dump(back) == dump(made).replace(b"w.safetensors", str(tmp_path / "w.safetensors").encode())
    assert back.seed_values() == (7,)


@pytest.mark.parametrize(
    "text", ["scenarios: [a]", "scenarios: []", "sets: 3", "{", "scenarios: [a]\nsettings: [{nam: x}]"]
)
def test_a_file_that_is_no_suite_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a suite") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_seeds_are_numbers_and_ranges() -> None:
    assert seeds_of("3, 0-2,1") == (0, 1, 2, 3)
    for wrong in ("", "a", "1-", "-1", "2-1", "1,,2"):
        with pytest.raises(ConfigError):
            seeds_of(wrong)


def test_the_watchdog_waits_longer_for_a_language_model() -> None:
    assert suite().limit_of("llm") > suite().limit_of("vector")
    assert suite(limit=3.0).limit_of("llm") == 3.0

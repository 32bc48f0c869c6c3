"""`laco distill adapter`, from two model folders to a file that a vehicle can load."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from laco import Backbone
from laco.agents import adapter_file
from laco.agents.adapters import Adapters
from laco.cli.distill import app

SMALL = ["--texts", "2", "--steps", "1", "--layers", "0-1"]


@pytest.fixture(scope="module")
def folders(source: Backbone, target: Backbone, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    made = []
    for name, backbone in (("source", source), ("target", target)):
        folder = tmp_path_factory.mktemp(name)
        backbone.model.save_pretrained(folder)
        backbone.tokenizer.save_pretrained(folder)
        made.append(str(folder))
    return made[0], made[1]


def test_a_folder_gets_a_file_named_by_both_fingerprints(folders: tuple[str, str], tmp_path: Path) -> None:
    command = ["adapter", "--from", folders[0], "--to", folders[1], "--out", str(tmp_path), *SMALL]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    listener = Backbone.load(folders[1])
    speaker = Backbone.load(folders[0]).fingerprint
    path = tmp_path / adapter_file.name_of(speaker, listener.fingerprint)
    assert adapter_file.card_of(path).recipe.startswith("Recipe(layers=(0, 1), ")
    assert set(Adapters.read([str(tmp_path)], listener, listener.fingerprint).by_source) == {speaker}
    before = path.read_bytes()
    again = CliRunner().invoke(app, command)
    assert "resumed after 2 texts and 1 steps" in again.output
    assert path.read_bytes() == before


@pytest.mark.parametrize("layers", ["1", "2-1", "a-b", "-1"])
def test_a_band_is_two_numbers_in_order(layers: str, tmp_path: Path) -> None:
    command = ["adapter", "--from", "a", "--to", "b", "--out", str(tmp_path), f"--layers={layers}"]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 2
    assert "FIRST-LAST" in found.output


@pytest.mark.parametrize(("given", "missing"), [([], "missing: a recipe"), (["vector"], "Missing option '--out'")])
def test_the_driver_s_own_training_needs_a_recipe_and_a_folder(given: list[str], missing: str) -> None:
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 2
    assert missing in found.output

"""LoRA files of the language-model driver: what is added to the weights, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from laco import Backbone
from laco.agents.drivers import lora, lora_file
from laco.agents.drivers.check import weights_of
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.lora_file import PLAIN, VERSION, Card, file_of, joined, parted
from laco.agents.drivers.profile import of as profile_of
from laco.errors import BackboneError, ConfigError

NAME = "layers.1.self_attn.q_proj"


@pytest.fixture
def pairs() -> dict[str, lora.Pair]:
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=draw).half().float() for shape in ((2, 32), (32, 2)))
    return {NAME: (a, b)}


@pytest.fixture
def file(tmp_path: Path, llm_folder: Path, pairs: dict[str, lora.Pair]) -> Path:
    path = tmp_path / "some.safetensors"
    lora.save(path, pairs, Card(VERSION, Backbone.load(llm_folder).fingerprint, (1, 2), "by hand"))
    return path


def test_merged_weights_are_pefts(llm_folder: Path, tmp_path: Path) -> None:
    """A LoRA of every projection of two layers, as it is trained; then the same numbers out of our file."""
    from laco.distill.llm.train import Shape, Trainer, with_lora

    theirs, shape = Backbone.load(llm_folder), Shape(rank=3, alpha=6, first=1)
    fingerprint = theirs.fingerprint
    tuned = with_lora(theirs.model, shape, seed=0)
    trainer = Trainer(tuned, theirs.tokenizer, shape, lambda line: None)
    with torch.no_grad():
        for weight in trainer.weights.values():
            weight.copy_((torch.randn(weight.shape) * 0.1).half())
    pairs = trainer.pairs()
    assert len(pairs) == 2 * 7
    lora.save(tmp_path / "all.safetensors", pairs, Card(VERSION, fingerprint))
    ours = LLMDriver.load(joined(str(llm_folder), str(tmp_path / "all.safetensors"))).backbone
    wanted = tuned.merge_and_unload().state_dict()
    for name, found in ours.model.state_dict().items():
        torch.testing.assert_close(found, wanted[name], rtol=1e-5, atol=1e-5)
    assert ours.fingerprint != fingerprint


def test_the_sum_has_one_order(pairs: dict[str, lora.Pair]) -> None:
    """Threads and matrix libraries have no say in it: the fingerprint must be the same everywhere."""
    (a, b) = pairs[NAME]
    weight = torch.ones(32, 32)
    lora.add(weight, a, b)
    change = b[:, :1] * a[:1] + b[:, 1:] * a[1:]
    assert torch.equal(weight, torch.ones(32, 32) + change)


def test_a_driver_with_a_lora_has_a_fingerprint_of_its_own(llm_folder: Path, file: Path) -> None:
    plain = LLMDriver.load(str(llm_folder))
    tuned = LLMDriver.load(joined(str(llm_folder), str(file)))
    assert tuned.fingerprint not in ("", plain.fingerprint)
    assert tuned.fingerprint == LLMDriver.load(joined(str(llm_folder), str(file))).fingerprint
    assert LLMDriver.load(joined(str(llm_folder), PLAIN)).fingerprint == plain.fingerprint


def test_it_speaks_without_what_it_drives_with(llm_folder: Path, file: Path) -> None:
    """The two share what the LoRA leaves alone."""
    plain = LLMDriver.load(str(llm_folder))
    assert plain.voice is plain.backbone
    tuned = LLMDriver.load(joined(str(llm_folder), str(file)))
    assert tuned.voice.fingerprint == plain.fingerprint
    own, spoken = (dict(backbone.decoder.named_parameters()) for backbone in (tuned.backbone, tuned.voice))
    apart = [name for name in own if own[name].data_ptr() != spoken[name].data_ptr()]
    assert apart == [f"{NAME}.weight"]


def test_the_same_lora_is_the_same_bytes(file: Path, tmp_path: Path) -> None:
    card, pairs = lora.load(file)
    lora.save(tmp_path / "again.safetensors", pairs, card)
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"again.safetensors", "some.safetensors"}


def test_names_of_weights() -> None:
    assert parted(joined("smollm2", "x.safetensors")) == ("smollm2", "x.safetensors")
    assert parted(joined("smollm2", "")) == ("smollm2", "")
    assert file_of("smollm2", PLAIN) is None
    assert file_of("owner/name", "") is None
    assert file_of("smollm2", "x.safetensors") == Path("x.safetensors")


def test_a_lora_is_heard_where_it_was_trained_to_be(llm_folder: Path, file: Path) -> None:
    laco = profile_of("llm", joined(str(llm_folder), str(file))).laco
    assert (laco.layers, laco.keep, laco.steps, laco.place) == ((1, 2), 1.0, 0, "after_sink")
    assert profile_of("llm", joined(str(llm_folder), PLAIN)).laco.layers is None


class TestRefusals:
    def test_another_models(self, llm_folder: Path, file: Path, pairs: dict[str, lora.Pair]) -> None:
        lora.save(file, pairs, Card(VERSION, "0" * 32))
        with pytest.raises(BackboneError, match="was made for model 0000"):
            LLMDriver.load(joined(str(llm_folder), str(file)))

    @pytest.mark.parametrize("shape", [((2, 31), (32, 2)), ((2, 32), (32, 3)), ((32,), (32, 2))])
    def test_what_does_not_fit(self, llm_folder: Path, file: Path, shape: tuple[tuple[int, ...], ...]) -> None:
        lora.save(file, {NAME: (torch.zeros(shape[0]), torch.zeros(shape[1]))}, lora_file.card_of(file))
        with pytest.raises(BackboneError, match=f"{NAME} does not fit"):
            LLMDriver.load(joined(str(llm_folder), str(file)))

    def test_an_unknown_weight_and_numbers_that_are_none(
        self, llm_folder: Path, file: Path, pairs: dict[str, lora.Pair]
    ) -> None:
        card = lora_file.card_of(file)
        lora.save(file, {"layers.9.mlp": pairs[NAME]}, card)
        with pytest.raises(BackboneError, match=r"layers\.9\.mlp does not fit"):
            LLMDriver.load(joined(str(llm_folder), str(file)))
        lora.save(file, {NAME: (pairs[NAME][0] * torch.inf, pairs[NAME][1])}, card)
        with pytest.raises(BackboneError, match="NaN or infinity"):
            LLMDriver.load(joined(str(llm_folder), str(file)))

    def test_half_a_pair(self, llm_folder: Path, file: Path) -> None:
        import msgspec

        text = msgspec.json.encode(lora_file.card_of(file)).decode()
        save_file({f"{NAME}.a": torch.zeros(2, 32)}, file, {lora_file.KEY: text})
        with pytest.raises(BackboneError, match="lacks"):
            lora.load(file)

    @pytest.mark.parametrize(
        ("metadata", "reason"),
        [
            ({}, "is not a LoRA file"),
            ({lora_file.KEY: "{}"}, "does not say what it holds"),
            ({lora_file.KEY: '{"version": 9, "model": "x"}'}, "LoRA version 9"),
        ],
    )
    def test_files_that_are_not_ours(self, tmp_path: Path, metadata: dict[str, str], reason: str) -> None:
        save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
        with pytest.raises(BackboneError, match=reason):
            lora_file.check(str(tmp_path / "x.safetensors"))

    def test_before_anything_starts(self, llm_folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no LoRA file"):
            weights_of("llm", tmp_path / "missing.safetensors", str(llm_folder))
        (tmp_path / "text").write_text("no weights")
        with pytest.raises(BackboneError, match="cannot be read as a LoRA"):
            weights_of("llm", tmp_path / "text", str(llm_folder))
        assert weights_of("llm", Path(PLAIN), str(llm_folder)) == joined(str(llm_folder), PLAIN)
        with pytest.raises(ConfigError, match="takes a model, not weights"):
            weights_of("vlm", Path(PLAIN), str(llm_folder))

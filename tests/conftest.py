"""Tiny random models: the built-in driver, language and vision-language models with a byte-level tokenizer; and what
tests of several folders do."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import carla
    import zmq

    from laco.scenarios.server.launch import WorldProcess

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are slower on several threads."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def context() -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    """Fails the test if a socket is left open: the context would then not terminate."""
    import zmq

    made = zmq.Context()
    yield made
    end = threading.Thread(target=made.term, daemon=True)
    end.start()
    end.join(5.0)
    assert not end.is_alive(), "a socket was left open"


@pytest.fixture(scope="module")
def server() -> "Iterator[WorldProcess]":
    """A world in its own process."""
    from laco.scenarios.server.launch import WorldProcess

    with WorldProcess() as process:
        yield process


@pytest.fixture(scope="module")
def client(server: "WorldProcess") -> "carla.Client":
    """A real client on it."""
    import carla

    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(10.0)
    return client


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Calls `laco` with these arguments in this process: exit status, stdout and stderr."""
    from laco.cli.main import main

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["laco", *arguments])
            with pytest.raises(SystemExit) as caught:
                main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


def drawn(model: Any, scale: float = 0.25) -> Any:
    """The model with weights so large that every input shows."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.copy_(torch.randn(parameter.shape) * scale)
    return model


@pytest.fixture(scope="session")
def draw() -> Callable[..., Any]:
    """`drawn`: large random weights for a model."""
    return drawn


def byte_tokenizer(*special: str):
    """One token per byte, and control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(symbols)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|im_start|>", "<|im_end|>", *special])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=CHAT
    )


@pytest.fixture(scope="session")
def llm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama with random weights: inputs change what it says and plans."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=len(tokenizer), max_position_embeddings=8192, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    drawn(model)
    folder = tmp_path_factory.mktemp("llm")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


SEEN = CHAT.replace(
    "{{ m['content'] }}",
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}",
)


@pytest.fixture(scope="session")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA with random weights: 16 image tokens of a picture cut to 16 x 16 pixels."""
    import torch
    import transformers as hf
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = byte_tokenizer("<image>")
    side = {"height": 16, "width": 16}
    processor = hf.LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=side, crop_size=side), tokenizer=tokenizer, patch_size=4,
        vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=SEEN,
    )  # fmt: skip
    text = hf.LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=len(tokenizer), max_position_embeddings=8192, bos_token_id=None,
    )  # fmt: skip
    vision = hf.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=16,
        patch_size=4,
    )
    token = tokenizer.convert_tokens_to_ids("<image>")
    torch.manual_seed(0)
    model = hf.LlavaForConditionalGeneration(
        hf.LlavaConfig(text_config=text, vision_config=vision, image_token_id=token)
    )
    drawn(model)
    folder = tmp_path_factory.mktemp("vlm")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A weights file of a tiny random `vector` driver that gets along: about 9 m/s, straight on.

    Inputs change the target speed a little, so that what is heard shows in the trajectory.
    """
    import torch

    from laco.agents.drivers.vector import VectorDriver
    from laco.agents.drivers.vector_model import VectorModel

    torch.manual_seed(0)
    shape = {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2}
    model = VectorModel(**shape)
    with torch.no_grad():
        for parameter in model.speed[-1].parameters():
            parameter.mul_(3.0)
        model.speed[-1].bias[16:24] += 4.0  # target speeds from 7.5 to 11 m/s
        model.bend[-1].weight.zero_()
        model.bend[-1].bias.zero_()
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    VectorDriver(model, input_norm=2.0).save(path, shape, {})
    return str(path)

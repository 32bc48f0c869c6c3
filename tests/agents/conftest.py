"""Hand-made scenes, and a tiny driver with random weights: the plumbing matters here, not how it drives."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from laco import Backbone
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.comm.mesh import Mesh, barrier

LIMIT = 50 / 3.6  # [m/s]
SHAPE = {"width": 32, "layers": 3, "heads": 4, "kv_heads": 2}


@pytest.fixture(scope="session")
def random_driver(draw: Callable[..., Any]) -> Callable[[int], VectorDriver]:
    """By a seed. Its weights are so large that every input changes the plan."""

    def make(seed: int) -> VectorDriver:
        torch.manual_seed(seed)
        return VectorDriver(draw(VectorModel(**SHAPE)), input_norm=2.0)

    return make


@pytest.fixture(scope="session")
def driver(random_driver: Callable[[int], VectorDriver]) -> VectorDriver:
    """The driver that everyone in a test shares."""
    return random_driver(0)


@pytest.fixture(scope="session")
def stranger(random_driver: Callable[[int], VectorDriver]) -> VectorDriver:
    """The same network with other weights."""
    return random_driver(1)


@pytest.fixture(scope="session")
def llm(llm_folder: Path) -> LLMDriver:
    """A tiny random language model that reads and speaks in bytes."""
    return LLMDriver.load(str(llm_folder))


@pytest.fixture(scope="session")
def vlm(vlm_folder: Path) -> VLMDriver:
    """A tiny random vision-language model with a real processor."""
    return VLMDriver.load(str(vlm_folder))


@pytest.fixture(scope="session")
def shape() -> dict[str, int]:
    """Arguments of the tiny drivers' model."""
    return dict(SHAPE)


@pytest.fixture(scope="session")
def car() -> Callable[..., Body]:
    """A body: x, y [m], yaw [rad], speed [m/s]."""

    def make(x: float, y: float, yaw: float = 0.0, speed: float = 0.0) -> Body:
        return Body(x, y, yaw, speed, 2.4, 0.9)

    return make


@pytest.fixture(scope="session")
def eastward() -> Callable[..., Observation]:
    """The view of a car at (x, 0) that drives east on a straight road."""

    def make(
        speed: float = 0.9 * LIMIT,
        actors: tuple[Actor, ...] = (),
        sights: tuple[Sight, ...] = (),
        x: float = 0.0,
        name: str = "A",
        time: float = 0.0,
    ) -> Observation:
        route = tuple((x + step, 0.0) for step in range(0, 65, 5))
        return Observation(name, time, Body(x, 0.0, 0.0, speed, 2.4, 0.9), route, 100.0, LIMIT, actors, sights)

    return make


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    """A tiny language model with a large vocabulary, so that ids cost what they cost."""
    torch.manual_seed(0)
    small = LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=50_000,
    )  # fmt: skip
    return Backbone(LlamaForCausalLM(small).eval())


@pytest.fixture
def meshes(context: Any) -> Iterator[dict[str, Mesh]]:
    """A and B, linked."""
    with ExitStack() as stack:
        made = {name: stack.enter_context(Mesh(name, context=context)) for name in ("A", "B")}
        for mesh in made.values():
            mesh.subscribe({name: other.endpoint for name, other in made.items()})
        barrier(made.values())
        yield made

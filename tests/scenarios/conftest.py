"""A weights file of a tiny random driver that gets along: about 9 m/s, straight on."""


import pytest
import torch

from laco.agents.drivers.vector import VectorDriver
from laco.agents.drivers.vector_model import VectorModel

SHAPE = {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2}


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Inputs change the target speed a little, so that what is heard shows in the trajectory."""
    torch.manual_seed(0)
    model = VectorModel(**SHAPE)
    with torch.no_grad():
        for parameter in model.speed[-1].parameters():
            parameter.mul_(3.0)
        model.speed[-1].bias[16:24] += 4.0  # target speeds from 7.5 to 11 m/s
        model.bend[-1].weight.zero_()
        model.bend[-1].bias.zero_()
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    VectorDriver(model, input_norm=2.0).save(path, SHAPE, {})
    return str(path)

"""The built-in driver: a small decoder over object tokens, trained by `laco.distill`, its weights shipped."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from laco import Backbone, Context
from laco.agents.drivers import DRIVERS, expert, weights_file
from laco.agents.drivers.base import Addressing, Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.tokens import LAYOUT, OLD_FEATURES, segment
from laco.agents.drivers.vector_model import BIN, VectorModel
from laco.agents.observation import Observation
from laco.errors import BackboneError, ConfigError
from laco.method.fingerprint import fingerprint_of
from laco.method.fusion import Inference

QUANTILE = 0.4  # of the target-speed distribution; below one half errs on the slow side


class VectorDriver:
    """Turns views into contexts of object tokens, and last hidden states into plans.

    period: decision period [s]; addressing "each": a peer is spoken to in its own frame.
    """

    name = "vector"
    period = DRIVERS["vector"].period
    addressing: Addressing = "each"

    def __init__(self, model: VectorModel, input_norm: float) -> None:
        self.model = model.eval().requires_grad_(False)
        self.backbone = Backbone(model.decoder, input_norm=input_norm)

    @classmethod
    def load(cls, path: Path | None = None) -> "VectorDriver":
        """The shipped weights, or a file that `save` wrote. Raises: BackboneError for any other file."""
        if path is None:
            with resources.as_file(weights_file.shipped() / weights_file.SHIPPED) as own:
                return cls.load(own)
        shape, input_norm, layout = weights_file.metadata(path)
        try:
            model = VectorModel(**shape)
            model.load_state_dict(load_file(path))
        except RuntimeError as error:
            raise BackboneError(f"{path} holds weights of another shape") from error
        if layout < LAYOUT:  # it never saw the later features, and its weights for them are as they were drawn
            next(model.lift.parameters()).data[:, OLD_FEATURES:] = 0.0
        return cls(model, input_norm)

    @property
    def shape(self) -> weights_file.Shape:
        """The arguments that its model was made with."""
        config = self.model.decoder.config
        heads = (config.num_attention_heads, config.num_key_value_heads)
        return weights_file.Shape(config.hidden_size, config.num_hidden_layers, *heads)

    def save(self, path: Path, shape: Mapping[str, int], notes: Mapping[str, str]) -> None:
        """Write weights that `load` reads; shape: the model's arguments; notes: further metadata."""
        about = {"format": weights_file.FORMAT, "shape": json.dumps(dict(shape)), "layout": str(LAYOUT)}
        about |= {"input_norm": repr(self.backbone.input_norm), **notes}
        weights = {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        part = path.with_name(path.name + ".part")
        save_file(weights, part, about)
        part.replace(path)

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the driver on the wire: decoder, token embedding and heads."""
        return fingerprint_of(self.model, self.model.decoder.config)

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """Views in one viewer's frame as a context, each view a segment, the viewer's own last.

        Raises: ConfigError for sentences, which it cannot read.
        """
        told = [_embeddings(view).to(self.backbone.dtype) for view in views if isinstance(view, Said)]
        seen = self._segments(frame, [view for view in views if isinstance(view, Observation)], caution)
        return Context(embeds=torch.cat((*told, seen)) if told else seen)

    def plan(self, frame: Frame, time: float, out: Inference) -> Plan:
        """The plan that the last hidden state holds."""
        return self.answer(frame, time, out.hidden[-1])

    def plans(self, frames: Sequence[Frame], times: Sequence[float], outs: Sequence[Inference]) -> list[Plan]:
        """One after the other: they are two small matrices away."""
        return [self.plan(*one) for one in zip(frames, times, outs, strict=True)]

    def answer(self, frame: Frame, time: float, state: Tensor) -> Plan:
        """The plan in a plan token's last hidden state [D]."""
        logits, bend = self.model.heads(state)
        below = int((logits.softmax(-1).cumsum(-1) < QUANTILE).sum())
        target, rate = (0.0, expert.HARD) if below == 0 else ((below - 1) * BIN, expert.BRAKE)
        answer = expert.plan(frame, time, target, rate)
        return Plan(time, answer.speed, tuple(bend.tolist()))

    def embed(self, frame: Frame, view: Observation, caution: float) -> Tensor:
        """The view's segment as token embeddings [T, D]."""
        return self._segments(frame, [view], caution)

    def _segments(self, frame: Frame, views: Sequence[Observation], caution: float) -> Tensor:
        rows = [segment(frame, view, caution) for view in views]
        features = torch.from_numpy(np.concatenate([r[0] for r in rows]))
        kinds = torch.from_numpy(np.concatenate([r[1] for r in rows]))
        return self.model.embed(features, kinds).detach()


def _embeddings(said: Said) -> Tensor:
    if isinstance(said.content, str):
        raise ConfigError("the vector driver reads no sentences")
    return said.content

"""Planners of others: a legal one that answers without a model, and ones that break the contract."""

from __future__ import annotations

from typing import Any

from vlmdrive import VLMDRIVE_REGISTRY


class Plain:
    """Drives at a fixed speed; reads what LangCoop's own planners read of a message."""

    def __init__(self, speed: float = 5.0, curvature: float = 0.0, steps: int = 5) -> None:
        self.answer = {"target_speed": [speed] * steps, "curvature": [curvature] * steps, "dt": 0.5}
        self.asked: list[tuple[str, int]] = []
        self.heard: list[list[Any]] = []
        self.banks: list[list[dict[str, Any]]] = []
        self.keys: list[set[str]] = []  # of the newest entry, when asked

    def to(self, device: Any) -> Plain:
        return self

    def eval(self) -> Plain:
        return self

    def forward_single_intent(self, perception_memory_bank: Any, model_config: Any, idx: int) -> Any:
        self.asked.append(("intent", idx))
        self.banks.append(list(perception_memory_bank))
        self.keys.append(set(perception_memory_bank[-1]))
        if "intent" not in model_config["collab"]["sharing_modalities"]:
            return None
        position = perception_memory_bank[-1]["detmap_pose"][idx][:2]
        return {"idx": idx, "position": position, "intent_description": f"ego {idx} goes on"}

    def forward_single_collab(
        self, perception_memory_bank: Any, model_config: Any, idx: int, collab_agent_intent: Any = ()
    ) -> Any:
        self.asked.append(("collab", idx))
        told = [m for m in collab_agent_intent if m is not None and m["idx"] != idx]
        self.heard.append([(m["idx"], [float(v) for v in m["position"]], m["intent_description"][:0]) for m in told])
        for message in collab_agent_intent:
            if message is not None:
                message["intent_description"] = "spoilt"  # a copy: nobody else may see it
        return dict(self.answer)


@VLMDRIVE_REGISTRY.register
class PlainPlanner(Plain):
    pass


@VLMDRIVE_REGISTRY.register
class NonePlanner(Plain):
    def forward_single_collab(self, *args: Any, **more: Any) -> Any:
        return None


@VLMDRIVE_REGISTRY.register
class BarePlanner(Plain):
    """Sends nothing."""

    def forward_single_intent(self, *args: Any) -> Any:
        super().forward_single_intent(*args)
        return None

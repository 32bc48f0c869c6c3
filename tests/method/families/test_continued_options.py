"""What is read on sees the peers as it would have in one go, whatever the place and the window."""

from typing import Any

import pytest
import torch

from laco import attribute, deliberate, infer, share
from laco.method.continuation import extend, score


@pytest.mark.parametrize("window", ["visible", "strict"])
@pytest.mark.parametrize("place", ["prefix", "after_sink"])
def test_reading_on_with_every_option(named: Any, place: Any, window: Any) -> None:
    case = named("gemma3")
    backbone = case.backbone
    trace = deliberate(backbone, case.spoken, 1)
    part = share(trace, attribute(trace, 0.5), layers=(0, 2))
    ids = case.own.ids.tolist()
    head = infer(backbone, ids[:2], [part], place=place, window=window)
    whole = infer(backbone, ids, [part], place=place, window=window)
    out = extend(backbone, extend(backbone, head, ids[2:4]), ids[4:])
    torch.testing.assert_close(out.hidden, whole.hidden[4:], atol=1e-5, rtol=1e-5)
    likely = torch.log_softmax(whole.logits[1:-1].float(), -1)
    expected = likely[torch.arange(4), torch.tensor(ids[2:])].mean()
    found = score(backbone, head, [ids[2:], ids[3:]])
    torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=1e-5)

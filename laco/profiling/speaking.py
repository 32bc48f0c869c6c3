"""How long a message takes to think of: the shared prefill apart from what only this channel does.

The first forward pass of a decoder inside the block is the prefill; everything after it is speaking, whether that
is latent steps or words. Timed from outside, by a hook: neither the method nor a driver times itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from laco.profiling.spans import is_recording, note

PREFILL, SPEAK = "prefill", "speak"


@contextmanager
def speaking(decoder: Any) -> Iterator[None]:
    """Record the spans "prefill" and "speak" for the active recorder, if there is one.

    decoder: a torch module that is called once per forward pass. A block without a call records nothing.
    """
    if not is_recording():
        yield
        return
    ended: list[float] = []

    def first(*_: Any) -> None:
        if not ended:
            ended.append(time.perf_counter())

    hook = decoder.register_forward_hook(first)
    began = time.perf_counter()
    try:
        yield
    finally:
        hook.remove()
        if ended:
            note(PREFILL, began, ended[0])
            note(SPEAK, ended[0], time.perf_counter())

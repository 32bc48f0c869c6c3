"""The caller's model, lent for one call and handed back as it was, also after an exception."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from laco.method import attention

_LOCKS: "WeakKeyDictionary[nn.Module, threading.RLock]" = WeakKeyDictionary()


@contextmanager
def lent(decoder: Any, *, ours: bool, evaluate: bool, whole: Any = None) -> Iterator[None]:
    """Hold the decoder, with our attention (`ours`) and in evaluation mode (`evaluate`), for one block.

    One thread at a time has a decoder: the attention implementation is a field of a config all threads see.

    whole: the model around the decoder, if its other parts (a vision tower) are lent with it.
    """
    with _LOCKS.setdefault(decoder, threading.RLock()):
        config = decoder.config
        before = config._attn_implementation
        root = decoder if whole is None else whole
        switch = evaluate and root.training
        training = [module for module in root.modules() if module.training] if switch else []
        try:
            if ours:
                attention.register()
                config._attn_implementation = attention.NAME
            for module in training:
                module.training = False
            yield
        finally:
            config._attn_implementation = before
            for module in training:
                module.training = True

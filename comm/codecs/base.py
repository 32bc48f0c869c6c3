"""`Codec`: how keys and values become buffers. A subclass says its name, its layout, and the arithmetic."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from laco.comm.message import Buffer
from laco.errors import WireError

Shape = tuple[int, int, int, int]  # layers, kv_heads, tokens, head_dim


class Origin(NamedTuple):
    """Where keys and values come from, as the header tells both sides; a codec with tables needs to know.

    fingerprint: of the model; "" for none. layers: numbers of the carried layers. positions: int64 [axes, tokens];
    None where the caller has none.
    """

    fingerprint: str = ""
    layers: tuple[int, ...] = ()
    positions: Tensor | None = None


NOWHERE = Origin()


class Part(NamedTuple):
    """One buffer: its element type and its shape."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Codec(ABC):
    """Turns keys and values, both [layers, kv_heads, tokens, head_dim], into buffers and back.

    A codec has no state, so that each chunk can be decoded on its own. native: besides float32, what it takes and
    gives without a conversion. general: whether it carries any model's caches, or needs a table of the model.
    """

    name: str
    native: torch.dtype = torch.float32
    general: bool = True

    def require(self, fingerprint: str) -> None:
        """Raises: ConfigError where it cannot be used here at all, or not for this model; it says why."""

    @abstractmethod
    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        """Keys and values, float32 or `native`, as buffers. Raises: WireError if not finite, or not to be carried."""

    @abstractmethod
    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        """Float32 keys and values of `shape`. Raises: WireError where sizes or numbers cannot be.

        Nothing larger than what `shape` and the buffers justify is allocated, whatever the buffers claim.
        """

    def decode_native(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        """As `decode`, in the dtype `native`; may share the memory of the buffers."""
        return self.decode(shape, buffers, origin)


class Fixed(Codec):
    """A codec whose buffers' lengths follow from the shape: a subclass gives their layout and the arithmetic."""

    @abstractmethod
    def layout(self, shape: Shape) -> tuple[Part, ...]:
        """The buffers that carry a cache of `shape`, in order."""

    @abstractmethod
    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """Finite keys and values, float32 or `native`, as the tensors of `layout`."""

    @abstractmethod
    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        """The tensors of `layout` as float32 keys and values of `shape`."""

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        finite(f"a cache that {self.name} cannot carry", keys, values)
        return tuple(_to_buffer(part) for part in self.pack(keys, values))

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        keys, values = self.unpack(self.parts(shape, buffers), shape)
        finite(f"damaged: {self.name} cache", keys, values)
        return keys, values

    def parts(self, shape: Shape, buffers: Sequence[Buffer], *, own: bool = True) -> tuple[Tensor, ...]:
        """The tensors of `layout`, copied out of the buffers; not `own`: only where they must be.

        Raises: WireError where sizes or numbers cannot be.
        """
        layout = self.layout(shape)
        sizes = [memoryview(b).nbytes for b in buffers]
        if sizes != [part.nbytes for part in layout]:
            raise WireError(f"wrong size: {self.name} buffers of {sizes} bytes for a cache of {list(shape)}")
        parts = tuple(_to_tensor(b, part, own) for b, part in zip(buffers, layout, strict=True))
        finite(f"damaged: {self.name} buffers", *(part for part in parts if part.is_floating_point()))
        return parts


class Cast(Fixed):
    """A codec that only changes the element type: a subclass gives `name` and `native`."""

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        return Part(self.native, shape), Part(self.native, shape)

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        if keys.dtype is self.native:
            return keys, values
        limit = torch.finfo(self.native).max  # too large a number saturates: infinity would poison attention
        return keys.clamp(-limit, limit).to(self.native), values.clamp(-limit, limit).to(self.native)

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        return parts[0].float(), parts[1].float()

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        converts = self.native is not torch.float32
        return self.unpack(self.parts(shape, buffers, own=not converts), shape)  # a cast of finite numbers is finite

    def decode_native(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        keys, values = self.parts(shape, buffers, own=False)
        return keys, values


def finite(what: str, *tensors: Tensor) -> None:
    """Raises: WireError that begins with `what` if a tensor holds NaN or infinity."""
    for tensor in tensors:
        # One pass, no temporary: the extremes show any NaN or infinity.
        if tensor.numel() and not all(math.isfinite(extreme.item()) for extreme in torch.aminmax(tensor)):
            raise WireError(f"{what}: holds NaN or infinity")


def _to_buffer(tensor: Tensor) -> Buffer:
    """The bytes of a CPU tensor, without a copy where it is contiguous."""
    view: memoryview = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
    return view


def _to_tensor(buffer: Buffer, part: Part, own: bool) -> Tensor:
    """A tensor of received bytes, which may be read-only and unaligned: then it is always a copy."""
    view = memoryview(buffer).cast("B")
    if not own and not view.readonly and view.nbytes:
        shared = torch.frombuffer(view, dtype=part.dtype)
        if shared.data_ptr() % part.dtype.itemsize == 0:
            return shared.view(part.shape)
    raw = torch.empty(part.nbytes, dtype=torch.uint8)
    raw.numpy().data[:] = view
    return raw.view(part.dtype).reshape(part.shape)

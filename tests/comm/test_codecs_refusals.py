"""What no codec reads: buffers of other sizes, damaged ones, bombs, and chunks that would run somebody's code."""

import importlib
import struct
import subprocess
import sys
import tracemalloc

import pytest
import torch
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.comm import WireError
from laco.comm.codecs import available, baselines, find, general, usable
from laco.comm.codecs.extra import prepare
from laco.errors import ConfigError

SHAPE = (2, 1, 5, 6)
MB = 1 << 20


def buffers_of(name: str, fill: float | None = None, shape: tuple[int, ...] = SHAPE) -> list[bytes]:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)) if fill is None else torch.full(shape, fill)
    return [bytes(buffer) for buffer in find(name).encode(x, x)]


@pytest.mark.parametrize("name", general())
def test_wrong_numbers_and_sizes_of_buffers(name) -> None:
    good = buffers_of(name)
    longer = [*good[:-1], good[-1] + b"\0"]
    shorter = [*good[:-1], good[-1][:-1]]
    for bad in ([], good[:-1], [*good, b""], longer, shorter, [b""] * len(good)):
        if bad == good:  # there was nothing to cut
            continue
        with pytest.raises(WireError):
            find(name).decode(SHAPE, bad)


@pytest.mark.parametrize("name", general())
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_buffers(name, data) -> None:
    """Only WireError; or numbers."""
    buffers = [bytearray(buffer) for buffer in buffers_of(name, data.draw(st.sampled_from([None, 0.0, 1.0])))]
    for _ in range(data.draw(st.integers(1, 4))):
        buffer = data.draw(st.sampled_from(buffers))
        at = data.draw(st.integers(0, len(buffer)))
        end = data.draw(st.integers(at, min(at + 4, len(buffer))))
        new = data.draw(st.binary(min_size=end - at, max_size=end - at) | st.binary(max_size=6))
        buffer[at:end] = new
    try:
        heard = find(name).decode(SHAPE, buffers)
    except WireError:
        return
    assert all(x.shape == SHAPE and x.dtype is torch.float32 and torch.isfinite(x).all() for x in heard)


@pytest.mark.parametrize("name", ["fp8", "int4", "int2", "fast"])
@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 3e38])
def test_scales_must_be_numbers(name, scale) -> None:
    """Two bytes of bfloat16 begin the first buffer of each: the first key scale or step."""
    buffers = buffers_of(name, 7.0)
    bits = torch.tensor([scale], dtype=torch.bfloat16).view(torch.uint8).numpy().tobytes()
    buffers[0] = bits + buffers[0][2:]
    with pytest.raises(WireError, match="NaN or infinity"):
        find(name).decode(SHAPE, buffers)


def test_fp8_has_bytes_that_are_no_number() -> None:
    buffers = buffers_of("fp8")
    buffers[1] = b"\x7f" + buffers[1][1:]
    with pytest.raises(WireError, match="NaN or infinity"):
        find("fp8").decode(SHAPE, buffers)


def cost_of_refusing(name: str, bomb: bytes, shape: tuple[int, ...] = SHAPE) -> int:
    """[bytes] that Python held at most meanwhile."""
    tracemalloc.start()
    with pytest.raises(WireError):
        find(name).decode(shape, [bomb])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def frame(data: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


@pytest.mark.parametrize(
    "bomb",
    [
        frame(bytes(200 * MB)),  # tells its size
        frame(bytes(200 * MB), write_content_size=False),  # does not
        frame(bytes(240)) + frame(bytes(200 * MB)),  # a second frame behind a fitting one
        b"\x50\x2a\x4d\x18" + struct.pack("<I", 240) + bytes(240),  # a skippable frame
        struct.pack("<IBBQ", 0xFD2FB528, 0xC0, 0xA8, 240) + b"\x01\x00\x00",  # fitting content, a window of 2 GiB
        b"",
    ],
    ids=["told", "untold", "two frames", "skippable", "window", "nothing"],
)
def test_zstd_bombs_are_refused_before_they_go_off(bomb) -> None:
    assert cost_of_refusing("zstd", bomb) < MB


def test_a_zstd_frame_that_lies_about_its_size() -> None:
    honest = bytearray(frame(bytes(200 * MB)))
    at = honest.index(struct.pack("<I", 200 * MB))
    honest[at : at + 4] = struct.pack("<I", 1 * MB)
    with pytest.raises(WireError):
        find("zstd").decode((1, 1, 256, 1024), [bytes(honest)])


# --- names without torch, and missing libraries


def test_names_need_no_torch() -> None:
    code = (
        "import sys; from laco.comm.codecs import available; assert len(available()) > 8; "
        "assert not {'torch', 'numpy', 'numba', 'blosc2', 'zstandard'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_name_is_its_codecs_own() -> None:
    for name in available():
        assert find(name).name == name
        assert find(name) is find(name)


def test_a_missing_library_is_one_clear_line(monkeypatch) -> None:
    good = buffers_of("entropy")
    prepare("entropy")
    prepare("fp16")
    extra = importlib.import_module("laco.comm.codecs.extra")
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'entropy' needs constriction: pip install 'laco-driving\[codecs\]'"):
        prepare("entropy")
    assert "entropy" not in usable("")
    monkeypatch.setitem(sys.modules, "constriction", None)
    x = torch.zeros(SHAPE)
    for call in (lambda: find("entropy").encode(x, x), lambda: find("entropy").decode(SHAPE, good)):
        with pytest.raises(WireError, match="needs constriction: pip install"):
            call()


def test_blosc2_is_no_codec_of_the_wire() -> None:
    """Its reader can be crashed; as a baseline it reads what it has written itself."""
    assert "blosc2" not in available()
    (baseline,) = baselines()
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    for numbers in (x, torch.zeros(SHAPE), x[:, :, :0]):
        keys, _ = baseline.decode(tuple(numbers.shape), baseline.encode(numbers, numbers))
        assert torch.equal(keys, numbers.half().float())

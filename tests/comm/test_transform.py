"""The codecs with entropy coding: `transform` on caches drawn from the shipped table, `entropy` on any."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from laco.comm import WireError, air_bytes, decode, decode_partial, encode
from laco.comm.codecs import ans, find, table
from laco.comm.codecs.base import Origin
from laco.comm.codecs.entropy import quantised
from laco.comm.codecs.transform import _symbols
from laco.errors import ConfigError
from laco.method.cache import KVCache, LayerKV
from laco.method.rotary import rotate

MODEL = "c6349e40bb10ca0b96e9cb389fcb465d"  # SmolLM2, whose table ships
HEADS, DIM = 3, 64
KNOWN = table.find(MODEL)
HELD = Path(str(table.files("laco.comm.codecs"))) / "tables" / f"{MODEL}.safetensors"


def drawn(tokens: int, layers: tuple[int, ...] = (3, 20), first: int = 0, seed: int = 0) -> KVCache:
    """A cache as the table expects them, without the model: its own coordinates at random."""
    generator = torch.Generator().manual_seed(seed)
    ids, positions = list(layers), torch.arange(first, first + tokens)[None]
    at_first = (positions[0] == 0)[:, None]
    classes = torch.where(at_first, KNOWN.first_classes[ids][:, :, None], KNOWN.classes[ids][:, :, None])
    mean = torch.where(at_first, KNOWN.first_mean[ids][:, :, None], KNOWN.mean[ids][:, :, None])
    normal = torch.randn(len(ids), 2, tokens, HEADS * DIM, generator=generator)
    flat = normal * 2.0 ** (classes.float() / ans.PER_OCTAVE) @ KNOWN.synthesis[ids].transpose(2, 3) + mean
    heads = flat.reshape(len(ids), 2, tokens, HEADS, DIM).transpose(2, 3)
    pairs = zip(ids, heads, strict=True)
    return KVCache(tuple(LayerKV(rotate(k, positions, KNOWN.rotary[i]), v) for i, (k, v) in pairs), layers, positions)


def narrowed(cache: KVCache) -> KVCache:
    """Two of the three heads."""
    return KVCache(tuple(LayerKV(k[:2], v[:2]) for k, v in cache.layers), cache.layer_ids, cache.positions)


def origin(cache: KVCache, fingerprint: str = MODEL) -> Origin:
    return Origin(fingerprint, cache.layer_ids, cache.positions)


def stacked(cache: KVCache) -> tuple[torch.Tensor, torch.Tensor]:
    keys, values = zip(*cache.layers, strict=True)
    return torch.stack(keys), torch.stack(values)


def coordinates(cache: KVCache) -> torch.Tensor:
    """What `transform` would round: [layers, sides, tokens, n]."""
    flat = []
    for number, (keys, values) in zip(cache.layer_ids, cache.layers, strict=True):
        turned = rotate(keys, -cache.positions, KNOWN.rotary[number])
        flat.append(torch.stack([side.transpose(0, 1).flatten(1) for side in (turned, values)]))
    ids = list(cache.layer_ids)
    return (torch.stack(flat) - KNOWN.mean[ids][:, :, None]) @ KNOWN.analysis[ids].transpose(2, 3)


def coded(name: str, cache: KVCache) -> tuple[list[bytes], tuple[int, int, int, int]]:
    keys, values = stacked(cache)
    buffers = find(name).encode(keys, values, origin(cache))
    return [bytes(b) for b in buffers], tuple(keys.shape)


class TestTransform:
    @pytest.mark.parametrize("tokens", [0, 1, 2, 7, 150])
    @pytest.mark.parametrize("first", [0, 9])
    def test_an_error_is_at_most_a_step(self, tokens, first) -> None:
        sent = drawn(tokens, first=first)
        heard = decode(encode(sent, "transform", fingerprint=MODEL))
        assert torch.equal(heard.positions, sent.positions)
        assert heard.layer_ids == sent.layer_ids
        if tokens:
            off = (coordinates(heard) - coordinates(sent)).abs()
            alive = (KNOWN.classes[[3, 20]] - find("transform").level >= ans.LOWEST)[:, :, None].expand_as(off)
            assert float(off[alive].max()) < 1.0
            if first == 0:  # finer, and nothing left out
                assert float(off[:, :, 0].max()) < 0.1

    def test_is_small(self) -> None:
        sent = drawn(300, layers=tuple(range(30)))
        fine, coarse = (air_bytes(encode(sent, n, fingerprint=MODEL)).total for n in ("transform", "transform-coarse"))
        assert sent.nbytes / 2 / fine > 10
        assert fine / coarse > 1.4

    def test_the_first_token_is_kept_apart(self) -> None:
        sent = drawn(40)
        heard = decode(encode(sent, "transform", fingerprint=MODEL))
        off = (coordinates(heard) - coordinates(sent)).abs()
        assert float(off[:, :, 0].mean()) < 0.1 * float(off[:, :, 1:].mean())
        later = decode(encode(drawn(4, first=5), "transform", fingerprint=MODEL))
        assert later.num_tokens == 4

    def test_a_first_token_unlike_any_other(self) -> None:
        sent = drawn(4)
        sent.layers[0].keys[:, 0] *= -300
        sent.layers[1].values[:, 0] = 7.0
        heard = decode(encode(sent, "transform", fingerprint=MODEL))
        wanted, found = coordinates(sent)[:, :, 0], coordinates(heard)[:, :, 0]
        torch.testing.assert_close(found, wanted, atol=0.1, rtol=1e-3)

    def test_what_no_model_holds_escapes(self) -> None:
        sent = drawn(5, first=3)
        sent.layers[1].values[1, 2, 7] = 5000.0
        heard = decode(encode(sent, "transform", fingerprint=MODEL))
        assert float(heard.layers[1].values[1, 2, 7]) == pytest.approx(5000.0, rel=1e-3)

    def test_chunks_stand_alone(self) -> None:
        sent = drawn(60, layers=(3, 4, 5))
        chunks = encode(sent, "transform", chunk_bytes=1100, fingerprint=MODEL)
        assert len(chunks) > 4
        whole = decode(chunks)
        for chunk in chunks:
            part = decode_partial([chunk]).cache
            where = torch.isin(whole.positions[0], part.positions[0])
            for number, layer in zip(part.layer_ids, part.layers, strict=True):
                other = whole.cut([number]).layers[0]
                assert torch.equal(layer.keys, other.keys[:, where])

    def test_the_same_bytes_again(self) -> None:
        assert coded("transform", drawn(20)) == coded("transform", drawn(20))

    def test_near_the_entropy(self) -> None:
        sent = drawn(600, layers=tuple(range(10, 16)), first=1)
        zone, _ = find("transform").zones(KNOWN, origin(sent))[0]
        rows, classes = _symbols(*stacked(sent), origin(sent), KNOWN, zone), zone.classes
        words, _ = ans.encode(rows, classes, KNOWN.models)
        # The model's shape is that of real caches, not of these draws: what is tested is the coder.
        shares = KNOWN.frequencies.double() / (1 << ans.PRECISION)
        symbols = np.where(np.abs(rows) > ans.REACH, ans.ESCAPE, rows + ans.REACH)
        alive = classes >= ans.LOWEST
        expected = -np.log2(shares.numpy()[classes[alive, None] - ans.LOWEST, symbols[alive]]).sum()
        assert len(words) * 8 == pytest.approx(expected, rel=1e-3)
        assert ans.information(rows, classes) <= expected

    @pytest.mark.parametrize(
        ("cache", "fingerprint", "why"),
        [
            (drawn(3), "", "no fingerprint"),
            (drawn(3), "ab" * 16, "no codec table for the model"),
            (KVCache(drawn(3).layers, (3, 30), drawn(3).positions), MODEL, "has 30 layers"),
            (KVCache(drawn(3).layers, (3, 4), drawn(3).positions.expand(3, 3)), MODEL, "does not fit"),
            (narrowed(drawn(3)), MODEL, "does not fit"),
        ],
    )
    def test_refuses_to_send(self, cache, fingerprint, why) -> None:
        with pytest.raises(WireError, match=why):
            encode(cache, "transform", fingerprint=fingerprint)

    def test_refuses_what_is_no_number(self) -> None:
        sent = drawn(3)
        sent.layers[0].keys[0, 1, 2] = math.nan
        with pytest.raises(WireError, match="NaN or infinity"):
            encode(sent, "transform", fingerprint=MODEL)

    @pytest.mark.parametrize("value", [1e30, -3.4e38, 1e-40])
    def test_extremes_stay_finite(self, value) -> None:
        keys = torch.full((HEADS, 3, DIM), value)
        sent = KVCache((LayerKV(keys, keys.neg()),), (5,), torch.arange(3)[None])
        heard = decode(encode(sent, "transform", fingerprint=MODEL))
        assert all(torch.isfinite(side).all() for side in heard.layers[0])


@pytest.mark.parametrize("name", ["transform", "transform-coarse", "entropy"])
class TestDamage:
    """Under a right checksum: what an insider could send."""

    def test_every_buffer_cut_or_longer(self, name) -> None:
        sent = drawn(40)
        buffers, shape = coded(name, sent)
        for i, buffer in enumerate(buffers):
            for other in (buffer[:-1], buffer[:-4], buffer + b"\1\2\3\4", buffer + b"\0\0\0\0"):
                if other == buffer:
                    continue
                with pytest.raises(WireError):
                    find(name).decode(shape, [*buffers[:i], other, *buffers[i + 1 :]], origin(sent))
        for wrong in (buffers[:-1], [*buffers, b""], []):
            with pytest.raises(WireError, match="wrong size"):
                find(name).decode(shape, wrong, origin(sent))

    def test_noise_gives_numbers_or_is_refused(self, name) -> None:
        sent = drawn(40)
        buffers, shape = coded(name, sent)

        @settings(max_examples=150, deadline=None, derandomize=True)
        @given(st.integers(0, len(buffers) - 1), st.data())
        def check(i: int, data: st.DataObject) -> None:
            damaged = bytearray(buffers[i])
            for _ in range(data.draw(st.integers(1, 8))):
                if damaged:
                    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
            try:
                found = find(name).decode(shape, [*buffers[:i], bytes(damaged), *buffers[i + 1 :]], origin(sent))
            except WireError:
                return
            assert all(torch.isfinite(side).all() and side.shape == shape for side in found)

        check()


class TestEntropy:
    def test_within_three_per_cent_of_the_entropy(self) -> None:
        """Channels of many sizes, as caches have them; the shipped models were counted on other numbers."""
        generator = torch.Generator().manual_seed(1)
        sizes = torch.logspace(-1, 1, HEADS * DIM).reshape(1, HEADS, 1, DIM)
        keys, values = (torch.randn(4, HEADS, 700, DIM, generator=generator) * sizes for _ in range(2))
        buffers = find("entropy").encode(keys, values)
        _, _, rows = quantised(keys, values)
        classes = np.frombuffer(buffers[1], np.int8).astype(np.int32)
        assert len(buffers[3]) * 8 <= 1.03 * ans.information(rows, classes)

    def test_layers_of_any_size_fare_alike(self) -> None:
        small = drawn(64)
        large = KVCache(tuple(LayerKV(k * 1e6, v * 1e-6) for k, v in small.layers), small.layer_ids, small.positions)
        for (k, v), (other_k, other_v) in zip(
            decode(encode(small, "entropy")).layers, decode(encode(large, "entropy")).layers, strict=True
        ):
            assert torch.allclose(k[:, 1:] * 1e6, other_k[:, 1:], rtol=1e-3, atol=1e3)
            assert torch.allclose(v[:, 1:] * 1e-6, other_v[:, 1:], rtol=1e-3, atol=1e-9)


class TestTables:
    def changed(self, tmp_path: Path, metadata: dict[str, str], **tensors: torch.Tensor) -> Path:
        path = tmp_path / f"{MODEL}.safetensors"
        save_file({**load_file(HELD), **tensors}, path, {"version": "1", "fingerprint": MODEL, **metadata})
        return path

    def test_a_users_own_table_comes_first(self, tmp_path, monkeypatch) -> None:
        (tmp_path / table.FOLDER).mkdir()
        self.changed(tmp_path / table.FOLDER, {}, mean=KNOWN.mean + 1)
        monkeypatch.setenv("LACO_CACHE", str(tmp_path))
        table.find.cache_clear()
        try:
            assert torch.equal(table.find(MODEL).mean, KNOWN.mean + 1)
        finally:
            table.find.cache_clear()

    @pytest.mark.parametrize(
        ("metadata", "tensors", "why"),
        [
            ({"version": "9"}, {}, "version 9"),
            ({"fingerprint": "ff"}, {}, "another model"),
            ({}, {"more": torch.zeros(1)}, "no codec table"),
            ({}, {"mean": torch.zeros(3)}, "do not fit"),
            ({}, {"scale": torch.full_like(KNOWN.scale, math.nan)}, "do not fit"),
        ],
    )
    def test_refuses_other_files(self, tmp_path, metadata, tensors, why) -> None:
        with pytest.raises(ConfigError, match=why):
            table.read(self.changed(tmp_path, metadata, **tensors), MODEL)

    def test_refuses_what_is_no_file_of_tensors(self, tmp_path) -> None:
        path = tmp_path / "x.safetensors"
        path.write_bytes(b"\xff" * 100)
        with pytest.raises(ConfigError, match="cannot read the codec table"):
            table.read(path, MODEL)

    def test_frequencies_that_are_none(self) -> None:
        wrong = KNOWN.frequencies.numpy().copy()
        wrong[3, 4] += 1
        with pytest.raises(ConfigError, match="no frequencies"):
            ans.Models(wrong)

    def test_analysis_is_the_inverse(self) -> None:
        product = KNOWN.synthesis[7, 0].double() @ KNOWN.analysis[7, 0].double()
        assert torch.allclose(product, torch.eye(HEADS * DIM, dtype=torch.float64), atol=1e-4)


def test_golden_words() -> None:
    """Both ends must make the same bytes on any machine: the coder, and models out of a file."""
    rows = np.array([[0, 1, -1], [3, -200, 33], [-127, 128, 5], [0, 0, 0]], np.int32)
    classes = np.array([0, 8, 18, ans.LOWEST - 1], np.int32)  # in pairs, in pairs, one by one, not at all
    words, escapes = (bytes(b) for b in ans.encode(rows, classes, ans.Models(golden_frequencies())))
    assert escapes.hex() == "38ffffff80000000"
    assert words.hex() == GOLDEN
    assert (ans.decode(words, escapes, classes, 3, ans.Models(golden_frequencies())) == rows).all()


GOLDEN = "f5ffff4078eefff4508400267bbbfea805030000"


def golden_frequencies() -> ans.Ints:
    """Whole numbers by whole numbers: no rounding to depend on."""
    magnitudes = np.abs(np.arange(-ans.REACH, ans.REACH + 1))
    row = np.append(4000 // (magnitudes + 1) ** 2 + 1, 1)
    row[ans.REACH] += (1 << ans.PRECISION) - row.sum()
    return np.tile(row, (ans.CLASSES, 1)).astype(np.int32)


@pytest.mark.parametrize("escape", [0, -16, -(2**31)])
def test_an_escape_that_its_class_could_hold(escape: int) -> None:
    rows, classes = np.array([[0, -200, 3]], np.int32), np.array([8], np.int32)
    frequencies = ans.Models(golden_frequencies())
    words, escapes = ans.encode(rows, classes, frequencies)
    assert len(bytes(escapes)) == 4
    with pytest.raises(WireError, match="a number escapes that its class could hold"):
        ans.decode(words, np.array([escape], "<i4").view(np.uint8).data, classes, 3, frequencies)

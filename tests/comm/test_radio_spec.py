"""Radios by text and by file, and airtimes that a person can work out."""

from pathlib import Path

import msgspec
import pytest

from laco.comm.radio import Air, RadioSpec, presets
from laco.comm.radio.airtime import ofdm
from laco.comm.radio.distance import Distance
from laco.comm.radio.fragments import Fragment, cut
from laco.comm.radio.loss import Bernoulli, Gilbert
from laco.comm.radio.presets import find
from laco.errors import ConfigError

KB = 1024


def test_a_frame_of_1598_bytes_at_6_mbit() -> None:
    """12784 + 22 bits in symbols of 48 bits: 266.8, so 267 of 8 us behind 40 us."""
    assert ofdm(1598, 6) == pytest.approx(2176e-6)
    assert ofdm(1598, 27) == pytest.approx(520e-6)  # 59.3 symbols of 216 bits
    assert ofdm(3, 3) == pytest.approx(56e-6)  # 46 bits: 2 symbols of 24


def test_access_is_aifs_and_half_the_contention_window_on_average() -> None:
    spec = find("dsrc_6m")
    assert spec.contention == 3  # (15 + 1) / 4 - 1
    assert spec.access(0) == pytest.approx(58e-6)  # 32 + 2 x 13
    assert spec.access(1.5) == pytest.approx(77.5e-6)


@pytest.mark.parametrize(
    ("name", "mbit"), [("dsrc_3m", 2.55), ("dsrc_6m", 4.96), ("dsrc_12m", 9.40), ("dsrc_27m", 18.7)]
)
def test_ceilings_of_goodput(name: str, mbit: float) -> None:
    assert 8 * 1398 / find(name).duration((1398,)) / 1e6 == pytest.approx(mbit, rel=2e-3)


@pytest.mark.parametrize(("kilobytes", "ms"), [(16, 26.5), (64, 106), (256, 423), (1024, 1691)])
def test_messages_at_6_mbit(kilobytes: int, ms: float) -> None:
    assert find("dsrc_6m").duration((kilobytes * KB,)) == pytest.approx(ms / 1e3, rel=3e-3)


def test_what_fits_100_ms_at_6_mbit() -> None:
    spec = find("dsrc_6m")
    assert spec.duration((61 * 1000,)) < 0.1 < spec.duration((63 * 1000,))


@pytest.mark.parametrize(
    ("name", "ms"), [("cv2x_pc5", 1.5533), ("dsrc_effective", 3.1067), ("nr_25", 0.44736), ("nr_53", 0.21102)]
)
def test_plain_rates_are_size_over_rate(name: str, ms: float) -> None:
    assert find(name).duration((1398,)) * 1e3 == pytest.approx(ms, rel=1e-4)


def test_gigabit_ethernet() -> None:
    """1460 bytes and 78 of headers: 12.304 us."""
    assert find("wired_1g").duration((1460,)) == pytest.approx(12.304e-6)


def test_fragments_are_of_one_chunk() -> None:
    assert cut((3000, 10), 1398) == [Fragment(0, 1398), Fragment(0, 1398), Fragment(0, 204), Fragment(1, 10)]
    assert cut((2796,), 1398) == [Fragment(0, 1398)] * 2
    assert cut((3000,), None) == [Fragment(0, 3000)]
    assert cut((), 1398) == []


def test_framing_is_a_header_for_each_fragment() -> None:
    assert find("dsrc_6m").framing((3000, 10)) == 4 * 200
    assert find("wired_1g").framing((3000,)) == 3 * 78
    assert find("ideal").framing((3000,)) == 0


def test_chunks_are_cut_where_fragments_can_be_lost() -> None:
    cuts = {name: find(name).chunk_bytes for name in presets()}
    assert cuts.pop("ideal") is cuts.pop("wired_1g") is None
    assert set(cuts.values()) == {1398}


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("bernoulli:0.1", Bernoulli(0.1)),
        ("gilbert:5%,20%", Gilbert(0.05, 0.2)),
        ("gilbert:0.01,0.1,0.7,0.001", Gilbert(0.01, 0.1, 0.7, 0.001)),
        ("distance", Distance()),
    ],
)
def test_losses_by_text(text: str, loss: object) -> None:
    assert RadioSpec.from_text("dsrc_6m", loss=text).loss == loss


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        ("telepathy", "loss must be bernoulli:P"),
        ("gilbert:0.1", "loss must be"),
        ("bernoulli:", "loss must be"),
        ("bernoulli:1.5", "<= 1.0"),
        ("gilbert:a,b", "no list of numbers"),
        ("bernoulli:0.1,0.2", "at most 1"),
        ("gilbert:0,0", "cannot both be 0"),
        ("bernoulli:nan", "radio"),
    ],
)
def test_losses_that_are_none(loss: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        RadioSpec.from_text("dsrc_6m", loss=loss)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reach", [0.0, -1.0, float("nan")])
def test_a_range_that_is_none(reach: float) -> None:
    with pytest.raises(ConfigError, match="range"):
        RadioSpec.from_text("dsrc_6m", range=reach)


def test_a_file_changes_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("preset: dsrc_6m\nrate: 12\nheaders: 80\nloss: {model: gilbert, p: 0.1, r: 0.5, 1-h: 0.9}\n")
    spec = RadioSpec.from_text(str(path), range=250.0)
    expected = msgspec.structs.replace(find("dsrc_6m"), rate=12.0, headers=80, loss=Gilbert(0.1, 0.5, 0.9), range=250.0)
    assert spec == expected
    assert Air(str(path)).radio.rate == 12.0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("preset: dsrc_6m\nspeed: 3\n", "unknown field `speed`"),
        ("preset: dsrc_7m\n", "unknown radio 'dsrc_7m'"),
        ("rate: fast\n", "Expected `float.*rate"),
        ("preset: dsrc_6m\nrate: 7\n", "rate of an ofdm radio"),
        ("loss: {model: psychic}\n", "psychic"),
        ("duty: 0\n", "duty"),
        ("collisions: true\n", "set cw_min"),
        ("- a\n", "must hold fields"),
        ("a: [\n", "no YAML"),
    ],
)
def test_files_that_are_no_radio(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=why) as caught:
        RadioSpec.from_text(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        RadioSpec.from_text(str(tmp_path / "none.yaml"))


def test_an_unknown_preset_lists_all() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'dsrc_6m'.*ideal, wired_1g, dsrc_3m.*nr_65"):
        RadioSpec.from_text("dsrc6m")


@pytest.mark.parametrize("name", presets())
def test_specs_survive_being_recorded(name: str) -> None:
    spec = RadioSpec.from_text(name, "distance")
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(spec)), RadioSpec) == spec
    assert spec.preset == name

"""Rows that survive whatever kills the writer."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from laco.errors import ConfigError
from laco.scenarios.suite.store import Free, Row, Store, rows_in


def row(key: str, outcome: str = "finished", **more: object) -> Row:
    plain = {"scenario": "s-v1", "seed": 1, "twin": False, "driver": "vector", "channel": "silent", "options": {}}
    return Row(key=key, outcome=outcome, **{**plain, **more})  # type: ignore[arg-type]


def test_rows_come_back_and_the_newest_counts(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add(row("a", "timeout"))
        store.add(row("b"))
        assert not store.finished("a")
        store.add(row("a"))
        store.add_free(Free(key="f", scenario="s-v1", seed=1, twin=False, times={"A": 1.5}))
    with Store(tmp_path) as store:
        assert store.finished("a")
        assert store.finished("b")
        assert store.free["f"].times == {"A": 1.5}
    assert len((tmp_path / "rows.jsonl").read_bytes().splitlines()) == 3
    assert {found.key for found in rows_in(tmp_path)} == {"a", "b"}


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_torn_last_line_is_cut_off_and_written_anew(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Store(tmp_path) as store:
        store.add(row("a"))
        whole = path.read_bytes()
        store.add(row("b"))
    path.write_bytes(path.read_bytes()[: len(whole) + kept] if kept > 0 else path.read_bytes()[:-1])
    assert {found.key for found in rows_in(tmp_path)} == {"a"}
    with Store(tmp_path) as store:
        assert path.read_bytes() == whole
        assert not store.finished("b")
        store.add(row("b"))
    with Store(tmp_path) as store:
        assert store.rows.keys() == {"a", "b"}


def test_damage_elsewhere_is_named(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add(row("a"))
        store.add(row("b"))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"x" + path.read_bytes())
    with pytest.raises(ConfigError, match="line 1"):
        Store(tmp_path)
    with Store(tmp_path, fresh=True) as store:  # and the failure above let go of the lock
        assert not store.rows


def test_one_writer_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from laco.scenarios.suite.store import Store; store = Store(pathlib.Path(sys.argv[1]));"
        "print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ConfigError, match="another suite"):
            Store(tmp_path)
        other.kill()
        other.wait()
    Store(tmp_path).close()


def test_rows_are_on_the_disk_one_line_each(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add(row("a", figures={"text": "line\nbreak"}))
        line = (tmp_path / "rows.jsonl").read_bytes()
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line, type=Row).figures == {"text": "line\nbreak"}

"""The key folder: private from the first byte, never overwritten, never quoted."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from laco.agents.addresses import Address, keys_for
from laco.comm.security import Keyring, files, is_loopback
from laco.comm.security.keys import is_key
from laco.errors import ConfigError

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such modes")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    made = Keyring(tmp_path / "config" / "keys")
    made.new("robot1")
    return made


@pytest.fixture
def peer(tmp_path: Path) -> Keyring:
    made = Keyring(tmp_path / "elsewhere")
    made.new("laptop")
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, peer: Keyring, mask: int, monkeypatch) -> None:
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, mode=0o777: opened.append(mode) or real(path, flags, mode))
    ring = Keyring(tmp_path / "keys")
    with umask(mask):
        ring.new("robot1")
        ring.trust("laptop", str(peer.folder / "laptop.key"))
    found = {str(p.relative_to(ring.folder)): mode(p) for p in ring.folder.rglob("*")}
    assert found == {"robot1.key": 0o600, "robot1.key_secret": 0o600, "trusted": 0o700, "trusted/laptop.key": 0o600}
    assert mode(ring.folder) == 0o700
    assert set(opened) == {0o600}  # never more, not even for a moment
    assert ring.allows(peer.own().public)


@posix
@pytest.mark.parametrize("mask", [0o640, 0o604, 0o610, 0o666])
def test_a_secret_that_others_can_open_is_refused(ring: Keyring, mask: int) -> None:
    path = ring.folder / "robot1.key_secret"
    path.chmod(mask)
    with pytest.raises(ConfigError, match=rf"^{path} can be opened by others \(mode {mask:04o}\): chmod 600 {path}$"):
        ring.own()
    path.chmod(0o600)
    ring.folder.chmod(0o755)
    with pytest.raises(ConfigError, match=r"keys can be opened by others \(mode 0755\): chmod 700"):
        ring.own()
    with pytest.raises(ConfigError, match="can be opened by others"):
        ring.trusted()


@posix
def test_another_users_folder_is_refused(ring: Keyring, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        ring.own()


def test_without_modes_everything_else_holds(ring: Keyring, monkeypatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(files, "POSIX", False)
    monkeypatch.delattr(os, "fchmod")
    monkeypatch.delattr(os, "geteuid")
    ring.folder.chmod(0o755)
    assert ring.own().name == "robot1"
    other = Keyring(ring.folder.parent / "other")
    other.new("robot2")
    assert ring.trust("robot2", other.own().public).name == "robot2"


def test_nothing_is_overwritten(ring: Keyring, peer: Keyring) -> None:
    before = ring.own().public
    for name in ("robot1", "another"):
        with pytest.raises(ConfigError, match=r"has a key already, .*never overwritten"):
            ring.new(name)
    ring.trust("laptop", peer.own().public)
    for name in ("laptop", "twice"):
        with pytest.raises(ConfigError, match="laptop is trusted already"):
            ring.trust(name, peer.own().public, runner=True)
    with pytest.raises(ConfigError, match="this machine's own key"):
        ring.trust("me", ring.own().public)
    with pytest.raises(ConfigError, match="is there already"):
        files.write_new(ring.folder / "robot1.key_secret", "x")
    assert ring.own().public == before
    assert not list(ring.folder.rglob(".*"))  # no drafts


def test_trust_is_what_the_folder_says_now(ring: Keyring, peer: Keyring) -> None:
    public = peer.own().public
    assert not ring.allows(public)
    ring.trust("laptop", str(peer.folder / "laptop.key"))
    assert (ring.allows(public), ring.allows(public, running=True)) == (True, False)
    ring.untrust("laptop")
    ring.trust("laptop", public, runner=True)
    assert ring.allows(public, running=True)
    assert ring.allows(ring.own().public, running=True)
    ring.untrust("laptop")
    with pytest.raises(ConfigError, match="laptop is not trusted here"):
        ring.untrust("laptop")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-flag", "a b", "é", "x" * 65, "a\0", "a\n"])
def test_names(tmp_path: Path, ring: Keyring, peer: Keyring, name: str) -> None:
    for act in (Keyring(tmp_path / "new").new, lambda n: ring.trust(n, peer.own().public), ring.untrust):
        with pytest.raises(ConfigError, match="a key's name has"):
            act(name)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: "",
        lambda t: t[:60],
        lambda t: "public-key\n",
        lambda t: t.replace("secret-key", "secret"),
        lambda t: t.replace('public-key = "', 'public-key = "~'),
        lambda t: t.replace('secret-key = "', 'secret-key = "!'),
        lambda t: "\xff\xfe" * 99,
        lambda t: "x" * (1 << 17),
    ],
)
def test_a_corrupt_key_file_is_one_line_without_the_key(ring: Keyring, spoil) -> None:
    path = ring.folder / "robot1.key_secret"
    text = path.read_text()
    secret = ring.own().secret.decode()
    path.write_text(spoil(text), encoding="latin-1")
    with pytest.raises(ConfigError, match=r"is no key") as caught:
        ring.own()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert secret not in repr(error)
        error = error.__cause__


def test_a_pair_must_be_one(ring: Keyring, peer: Keyring) -> None:
    """Each half is a sound key."""
    path = ring.folder / "robot1.key_secret"
    path.write_text(path.read_text().replace(ring.own().public, peer.own().public))
    with pytest.raises(ConfigError, match="no key pair"):
        ring.own()


def test_what_is_no_public_key(ring: Keyring, peer: Keyring) -> None:
    secret = peer.own().secret.decode()
    for key in ("x" * 39, "x" * 300, "~" * 40, "#" * 40, "\0", secret[:-1], str(peer.folder)):
        with pytest.raises(ConfigError) as caught:
            ring.trust("laptop", key)
        assert secret[:-1] not in str(caught.value)
    with pytest.raises(ConfigError, match="holds a secret key"):
        ring.trust("laptop", str(peer.folder / "laptop.key_secret"))
    assert ring.trusted() == {}


def test_secrets_are_not_shown(ring: Keyring) -> None:
    own = ring.own()
    assert own.secret.decode() not in repr(own)
    assert is_key(own.public)
    assert zmq.curve_public(own.secret).decode() == own.public


def test_where_keys_lie(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LACO_KEYS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME" if os.name == "posix" else "APPDATA", str(tmp_path))
    assert Keyring().folder == tmp_path / "laco" / "keys"
    monkeypatch.setenv("LACO_KEYS", str(tmp_path / "own"))
    assert Keyring().folder == tmp_path / "own"


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("10.0.0.1", "0.0.0.0", "localhost.example.org", "", "[::]", "robot1")))


def test_when_keys_are_needed(monkeypatch, tmp_path: Path, ring: Keyring) -> None:
    monkeypatch.setenv("LACO_KEYS", str(tmp_path / "none"))
    assert keys_for(["127.0.0.1"], None) is None
    assert keys_for(["10.0.0.1"], False) is None
    with pytest.raises(ConfigError, match=r"^10\.0\.0\.1 is not .*laco keys new.*laco keys trust.*--insecure$"):
        keys_for(["127.0.0.1", "10.0.0.1"], None)
    with pytest.raises(ConfigError, match=r"^CURVE needs keys"):
        keys_for([], True)
    monkeypatch.setenv("LACO_KEYS", str(ring.folder))
    for hosts, curve in ((["10.0.0.1"], None), (["127.0.0.1"], True), ([], True)):
        found = keys_for(hosts, curve)
        assert found is not None
        assert found.folder == ring.folder


def test_whose_key_is_expected(ring: Keyring, peer: Keyring, tmp_path: Path) -> None:
    def of(text: str) -> str:
        return Address.of(text).expected(ring)

    own, theirs = ring.own().public, peer.own().public
    with pytest.raises(ConfigError, match=r"whose key is at 10\.0\.0\.1:7\? Say KEY@10\.0\.0\.1:7 \(trusted: none\)"):
        of("10.0.0.1:7")
    ring.trust("laptop", theirs)
    assert (of("127.0.0.1:7"), of("10.0.0.1:7"), of("laptop@127.0.0.1:7")) == (own, theirs, theirs)
    assert of("robot1@10.0.0.1:7") == own
    with pytest.raises(ConfigError, match=r"no key nobody is trusted here \(trusted: laptop\)"):
        of("nobody@10.0.0.1:7")
    third = Keyring(tmp_path / "third")
    third.new("third")
    ring.trust("third", third.own().public)
    with pytest.raises(ConfigError, match="whose key"):
        of("10.0.0.1:7")
    for text in ("10.0.0.1", "10.0.0.1:0", "10.0.0.1:99999", "@10.0.0.1:7", "a@b@c:7", "a b:7"):
        with pytest.raises(ConfigError, match="an agent host's address is"):
            Address.of(text)

import stat
import threading
from pathlib import Path
from typing import get_args

import pytest

from qa import keys as module
from qa.errors import KeyFileError, StoreError, UsageError
from qa.keys import ALL, KeyFile, Right, allows


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "data")


def test_a_key_is_found_again_and_not_kept(keys: KeyFile) -> None:
    assert not keys.exists()
    secret = keys.create("page", {ALL: "read"})
    assert secret.startswith("footnoted_") and len(secret) > 50
    found = keys.find(secret)
    assert found is not None
    assert (found.name, found.grants) == ("page", {ALL: "read"})
    stored = keys.path.read_text()
    assert secret not in stored and secret.removeprefix("footnoted_") not in stored
    assert keys.find(secret + "x") is keys.find(secret[:-1]) is keys.find("") is None
    assert keys.find(found.sha256) is None
    assert keys.find("schlüssel\udcff") is None


def test_no_two_keys_are_alike(keys: KeyFile) -> None:
    assert len({keys.create(f"k{number}", {ALL: "read"}) for number in range(5)}) == 5


def test_the_file_is_its_owners_alone_and_no_other_is_left(keys: KeyFile) -> None:
    keys.create("a", {ALL: "read"})
    keys.create("b", {ALL: "read"})
    keys.revoke("a")
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in keys.path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_a_write_that_fails_changes_nothing(keys: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.create("a", {ALL: "read"})
    before = keys.path.read_bytes()

    def fail(_: int) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StoreError):
        keys.create("b", {ALL: "read"})
    assert keys.path.read_bytes() == before
    assert len(list(keys.path.parent.iterdir())) == 2


def test_another_process_s_changes_are_noticed(keys: KeyFile) -> None:
    other = KeyFile(keys.path.parent)
    secret = other.create("a", {ALL: "read"})
    assert keys.find(secret) is not None
    other.create("b", {ALL: "read"})
    assert [key.name for key in keys.keys()] == ["a", "b"]
    other.revoke("a")
    assert keys.find(secret) is None
    assert keys.exists()


def test_an_unchanged_file_is_read_once(keys: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keys.create("a", {ALL: "read"})
    keys.find(secret)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert keys.find(secret) is not None


def test_keys_made_at_once_are_all_kept(keys: KeyFile) -> None:
    threads = [
        threading.Thread(target=KeyFile(keys.path.parent).create, args=(f"k{n}", {ALL: "read"}))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys.keys()) == 8


@pytest.mark.parametrize(
    ("name", "grants", "wrong"),
    [
        ("a b", {ALL: "read"}, "'a b'"),
        ("", {ALL: "read"}, "''"),
        ("../a", {ALL: "read"}, "'../a'"),
        ("a", {"../b": "read"}, "'../b'"),
        ("a", {"**": "read"}, r"'\*\*'"),
        ("a", {"n\0": "read"}, "n"),
    ],
)
def test_names_that_cannot_be(
    keys: KeyFile, name: str, grants: dict[str, Right], wrong: str
) -> None:
    with pytest.raises(UsageError, match=f"{wrong}.* cannot name"):
        keys.create(name, grants)
    assert not keys.exists()


def test_a_name_is_taken_once(keys: KeyFile) -> None:
    keys.create("a", {ALL: "read"})
    with pytest.raises(UsageError, match="'a' already") as caught:
        keys.create("a", {ALL: "admin"})
    assert "revoke a" in caught.value.help


def test_revoking_what_is_not_there(keys: KeyFile) -> None:
    keys.create("a", {ALL: "read"})
    with pytest.raises(UsageError, match="no key named 'b'") as caught:
        keys.revoke("b")
    assert caught.value.help == "The keys there are: a."


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": [{"name": "a"}]}', '{"format": 2}'])
def test_a_damaged_file_lets_nobody_in(keys: KeyFile, content: str) -> None:
    secret = keys.create("a", {ALL: "read"})
    keys.path.write_text(content)
    with pytest.raises(KeyFileError, match="keys.json.*it is damaged"):
        keys.find(secret)
    with pytest.raises(KeyFileError):
        keys.create("b", {ALL: "read"})
    assert keys.path.read_text() == content


def test_a_file_that_cannot_be_read(keys: KeyFile) -> None:
    keys.path.mkdir(parents=True)
    with pytest.raises(KeyFileError, match="Is a directory"):
        keys.keys()


def test_every_comparison_takes_the_same_time(
    keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = keys.create("a", {ALL: "read"})
    compared: list[tuple[str, str]] = []
    original = module.compare_digest

    def compare(a: str, b: str) -> bool:
        compared.append((a, b))
        return original(a, b)

    monkeypatch.setattr(module, "compare_digest", compare)
    assert keys.find(secret) is not None
    assert len(compared) == 1


@pytest.mark.parametrize("granted", get_args(Right))
@pytest.mark.parametrize("asked", get_args(Right))
def test_a_right_includes_the_ones_before_it(granted: Right, asked: Right) -> None:
    order = get_args(Right)
    included = order.index(granted) >= order.index(asked)
    assert allows({"a": granted}, asked, "a") is included
    assert allows({ALL: granted}, asked, "a") is included
    assert allows({ALL: granted}, asked, ALL) is included
    assert not allows({"a": granted}, asked, "b")
    assert not allows({"a": granted}, asked, ALL)
    assert not allows({}, asked, "a")


def test_the_widest_of_two_rights_counts() -> None:
    assert allows({ALL: "read", "a": "write"}, "write", "a")
    assert allows({ALL: "write", "a": "read"}, "write", "a")
    assert not allows({ALL: "read", "a": "write"}, "write", "b")

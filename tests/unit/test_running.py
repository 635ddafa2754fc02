import json
import stat
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from qa.running import Running, find_running, told

HERE = Running("http://127.0.0.1:1", "a-secret")


def test_a_server_is_found_as_long_as_it_runs(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert find_running(data_dir) is None
    with told(data_dir, HERE):
        assert find_running(data_dir) == HERE
    assert find_running(data_dir) is None


def test_others_may_not_read_the_token(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{}")  # a crash left it behind, for all to read
    with told(tmp_path, HERE):
        assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600
    assert "a-secret" not in repr(HERE)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "x"}', '{"who": 1}'])
def test_a_spoiled_file_tells_of_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)
    assert find_running(tmp_path) is None


def test_a_server_that_has_ended_is_not_found(tmp_path: Path) -> None:
    gone = {"url": "http://127.0.0.1:1", "token": "t", "pid": 2**22 + 1}
    (tmp_path / "server.json").write_text(json.dumps(gone))
    assert find_running(tmp_path) is None


def test_another_process_of_the_same_number_is_not_the_server(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    file.write_text(json.dumps(asdict(replace(HERE, started=HERE.started - 60))))
    assert find_running(tmp_path) is None
    file.write_text(json.dumps(asdict(HERE)))
    assert find_running(tmp_path) == HERE


def test_the_file_of_another_is_left_to_it(tmp_path: Path) -> None:
    other = Running("http://127.0.0.1:2", "another")
    with told(tmp_path, HERE), told(tmp_path, other):
        pass
    with told(tmp_path, HERE):
        (tmp_path / "server.json").unlink()
        with told(tmp_path, other):
            pass
    assert find_running(tmp_path) is None

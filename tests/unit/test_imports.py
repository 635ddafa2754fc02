"""Importing does nothing: in a fresh process, watched by an audit hook."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WATCH = """
import json, os, sys

done = []

def hook(event, arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "subprocess.", "shutil.")):
        done.append(f"{event} {arguments}")
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink"):
        done.append(f"{event} {arguments}")
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        done.append(f"{event} {arguments}")
    elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        done.append(f"{event} {arguments}")

before = dict(os.environ)
sys.addaudithook(hook)
"""

REPORT = """
changed = dict(os.environ.items() ^ before.items())
print(json.dumps({"done": done, "changed": changed, "imported": sorted(sys.modules)}))
"""

EVERYTHING = """
import importlib, pkgutil

for package in ("qa", "ingest", "eval", "prompts"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)
"""

SLOW = {"torch", "transformers", "sentence_transformers", "chromadb", "onnxruntime", "xllamacpp"}


def run(code: str, home: Path) -> dict[str, list[str]]:
    environment = {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCH + code + REPORT],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home, current and temporary directory that cannot be written (by other than root)."""
    tmp_path.chmod(0o555)
    return tmp_path


def test_importing_every_module_touches_nothing(home: Path) -> None:
    report = run(EVERYTHING, home)
    assert {"qa.cli", "qa.server.app", "ingest.readers", "eval.runner"} <= set(report["imported"])
    assert report["done"] == []
    assert report["changed"] == {}
    assert list(home.iterdir()) == []


def test_the_assembly_imports_nothing_slow(home: Path) -> None:
    report = run("import qa.assembly\n", home)
    assert "qa.assembly" in report["imported"]
    assert not SLOW & set(report["imported"])
    assert report["done"] == []


def test_what_is_done_is_seen(home: Path) -> None:
    """The two tests above can fail."""
    code = "os.environ['A'] = 'b'\nopen(os.devnull, 'w').close()\nimport socket\n"
    code += "try:\n    socket.getaddrinfo('localhost', 1)\nexcept OSError:\n    pass\n"
    report = run(code, home)
    assert [entry.split()[0] for entry in report["done"]] == [*("open", "socket.getaddrinfo")]
    assert report["changed"] == {"A": "b"}

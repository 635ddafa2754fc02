"""What the documents say is what the code does."""

import ast
import re
import shlex
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

import pytest
import typer.main

from eval.formats import load_suite
from qa.cli import app
from qa.settings import describe_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:\$ |docker .* footnoted )?(?:\.venv/bin/)?footnoted (?P<arguments>.+)")


def blocks(page: Path, *kinds: str) -> list[str]:
    """The page's blocks of code of these kinds."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [code for kind, code in found if kind in kinds]


COMMANDS = [
    pytest.param(match["arguments"], id=f"{page.name}: {match['arguments']}")
    for page in PAGES
    for block in blocks(page, "console", "sh")
    for line in block.splitlines()
    if (match := COMMAND.fullmatch(line))
]
PYTHON = [
    pytest.param(code, id=f"{page.name} {number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize("written", COMMANDS)
def test_every_command_can_be_given_as_it_is_written(written):
    resolve(shlex.split(written, comments=True))


def test_a_command_that_does_not_exist_is_found():
    for written in ("frobnicate", "ask Who? --loud", "eval show", "keys create me --admin"):
        with pytest.raises(Exception, match="(?i)no such|missing|requires an argument"):
            resolve(written.split())


def resolve(arguments: list[str]) -> None:
    """Find the command and its options, as the command line does before it runs it."""
    name, command, context = "footnoted", typer.main.get_command(app), None
    while True:
        context = command.make_context(name, arguments, parent=context)
        if not isinstance(command, typer.core.TyperGroup):
            return
        arguments = [*context._protected_args, *context.args]
        name, command, arguments = command.resolve_command(context, arguments)


def test_the_commands_and_the_code_are_found():
    assert len(COMMANDS) >= 25
    assert len(PYTHON) >= 4


@pytest.mark.parametrize("code", PYTHON)
def test_what_the_python_code_imports_exists(code):
    tree = ast.parse(code)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = import_module(node.module)
        assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize(
    "script", sorted((ROOT / "docs" / "decisions").glob("*.py")), ids=lambda script: script.name
)
def test_what_a_decision_was_measured_with_exists(script):
    nodes = list(ast.walk(ast.parse(script.read_text("utf-8"))))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    names = [f"{node.module}:{alias.name}" for node in imports for alias in node.names]
    said = [node.value for node in nodes if isinstance(node, ast.Constant)]
    names += [it for it in said if isinstance(it, str) and re.fullmatch(r"qa(\.\w+)+", it)]
    for name in names:
        if name.startswith(("qa", "eval", "ingest", "prompts")):
            resolve_name(name)


def _modules():
    return [
        path.relative_to(ROOT)
        for folder in ("qa", "ingest", "eval")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "__init__.py"
    ]


@pytest.mark.parametrize("module", _modules(), ids=str)
def test_every_module_is_on_the_map_by_its_docstring(module):
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text("utf-8")))
    said = docstring.split("\n")[0].replace("``", "`")
    group = "eval" if module.parts[0] == "eval" else module.parent.as_posix()
    (section,) = (
        part
        for part in (ROOT / "docs" / "code.md").read_text("utf-8").split("\n## ")
        if f": `{group}/`\n" in part
    )
    assert f"| `{module.relative_to(group).as_posix()}` | {said} |" in section


@pytest.mark.parametrize("setting", describe_settings(), ids=lambda setting: setting[0])
def test_every_setting_is_documented_with_its_default(setting):
    variable, default, description = setting
    shown = f"`{default}`" if default else "–"
    assert f"| `{variable}` | {shown} | {description} |" in (
        ROOT / "docs" / "settings.md"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    "page", ["docs/settings.md", "docs/operations.md", "Dockerfile", "compose.yaml"]
)
def test_no_setting_is_named_that_does_not_exist(page):
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"FOOTNOTED_[A-Z0-9_]*[A-Z0-9]", text))
    assert named <= {variable for variable, _, _ in describe_settings()}
    assert named


def test_the_chroma_server_is_that_of_the_lock():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    [version] = re.findall(r"^chromadb==(.+)$", lock, re.MULTILINE)
    assert f"image: chromadb/chroma:{version}\n" in (ROOT / "compose.yaml").read_text("utf-8")


def test_links_between_documents_lead_somewhere():
    found = 0
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
            found += 1
    assert found >= 50


def test_the_sample_suite_is_about_the_sample_article():
    suite = load_suite(ROOT / "eval" / "suites" / "stargate")
    article = (ROOT / "ingest" / "sample" / "stargate.md").read_text("utf-8")
    assert 900 <= len(article.split()) <= 1100
    assert sum(case.answerable for case in suite.questions) >= 50
    assert sum(not case.answerable for case in suite.questions) >= 15
    for case in suite.questions:
        for alternative in case.evidence:
            assert all(article[gold.start : gold.end] == gold.text for gold in alternative)

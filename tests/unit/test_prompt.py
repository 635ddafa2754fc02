import re
from os.path import commonprefix
from pathlib import Path

import pytest

import prompts
from qa.generation import prompt as module
from qa.generation.prompt import Prompt, load_prompt

SHIPPED = sorted(
    f"{folder.parent.name}/{folder.name}"
    for folder in Path(prompts.__path__[0]).glob("*/v*")
    if folder.is_dir()
)
VALUES = {
    "sentences": "[1] One.",
    "question": "Why?",
    "conversation": "User: Why?",
    "text": "One.",
    "claim": "It is one.",
    "answers": "– One.",
    "answer": "It is one.",
    "title": "Numbers",
    "before": "None.",
    "sentence": "One.",
    "opening": "Who",
}


def write(folder: Path, **texts: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for role, text in texts.items():
        (folder / f"{role}.md").write_text(text, "utf-8")


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is taken for the package of prompts."""
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    return tmp_path


def load(name: str) -> Prompt:
    return load_prompt.__wrapped__(name)


# The prompts that are shipped


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prompt_is_complete(name: str) -> None:
    prompt = load_prompt(name)
    assert re.fullmatch(re.escape(name) + "@[0-9a-f]{6}", prompt.label)
    messages = prompt.messages(**VALUES)
    assert messages[-1][0] == "user"
    assert all(text and text == text.strip() and "$" not in text for _, text in messages)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prompt_has_no_straight_double_quote(name: str) -> None:
    """The embedded LLM ends its own text at one that it has seen."""
    assert not any('"' in text for _, text in load_prompt(name).messages(**VALUES))


def test_two_prompts_about_the_same_sentences_are_the_same_up_to_the_end_of_them() -> None:
    """So the model's server reads the sentences once for both."""
    one, other = (load_prompt(name).messages(**VALUES) for name in ("answer/v1", "quote/v1"))
    assert one[:-1] == other[:-1]
    assert one != other
    shared = commonprefix([one[-1][1], other[-1][1]])
    assert -1 < shared.find("[1] One.") < shared.find("Why?")


# Loading


def test_the_messages_come_in_order_with_the_holes_filled(templates: Path) -> None:
    write(templates / "answer/v7", user="$sentences\n\n${question}\n", system="Be brief.\n")
    messages = load("answer/v7").messages(sentences="[1] One.", question="Why?")
    assert messages == [("system", "Be brief."), ("user", "[1] One.\n\nWhy?")]


def test_what_is_filled_in_is_not_a_template(templates: Path) -> None:
    write(templates / "answer/v7", user="$sentences $question")
    messages = load("answer/v7").messages(sentences="It cost $5, $question.", question="$sentences")
    assert messages == [("user", "It cost $5, $question. $sentences")]


def test_a_hole_that_is_not_filled_is_an_error(templates: Path) -> None:
    write(templates / "answer/v7", user="$sentences $question")
    with pytest.raises(KeyError, match="question"):
        load("answer/v7").messages(sentences="[1] One.")


@pytest.mark.parametrize("user", ["$sentences", "$sentences $question $date", "No hole at all."])
def test_other_holes_than_the_code_fills_are_found_at_load(templates: Path, user: str) -> None:
    write(templates / "answer/v7", user=user)
    with pytest.raises(ValueError, match=r"prompts/answer/v7 .* \['question', 'sentences'\]"):
        load("answer/v7")


def test_a_stray_dollar_sign_is_found_at_load(templates: Path) -> None:
    write(templates / "answer/v7", user="$sentences $question It costs $5.")
    with pytest.raises(ValueError, match="answer/v7"):
        load("answer/v7")


def test_a_missing_version_is_an_error(templates: Path) -> None:
    with pytest.raises(ValueError, match="condense/v99"):
        load("condense/v99")


def test_the_digest_changes_with_every_file(templates: Path) -> None:
    digests = set()
    for system, user in [
        ("Be brief. $sentences", "$question"),
        ("Be brief. ", "$sentences$question"),
        ("Be brief.", "$sentences $question"),
        ("Be brief.", "$sentences $question\n"),
    ]:
        write(templates / "answer/v7", system=system, user=user)
        digests.add(load("answer/v7").digest)
    assert len(digests) == 4
    assert load("answer/v7").digest in digests

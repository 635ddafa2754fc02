from pathlib import Path
from typing import Any

import platformdirs
import pytest
from pydantic import BaseModel, ValidationError

from qa.errors import SettingsError
from qa.settings import Settings, describe_settings, load_settings

ROWS = {variable: (default, text) for variable, default, text in describe_settings()}


def sections() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


# Defaults


def test_without_variables_the_embedded_parts_are_used() -> None:
    settings = load_settings()
    assert settings.data_dir == Path(platformdirs.user_data_dir("footnoted", appauthor=False))
    assert settings.store.url is None
    assert settings.embedder.model == "all-MiniLM-L6-v2"
    assert settings.llm.model == "local"
    assert settings.llm.api_key is None
    assert settings.server.host == "127.0.0.1"


def test_every_default_is_within_its_own_bounds() -> None:
    for section in sections().values():
        assert section.model_validate(section().model_dump()) == section()


# Reading the environment


@pytest.mark.parametrize(
    ("variable", "written", "section", "field", "value"),
    [
        (
            "FOOTNOTED_STORE__URL",
            "https://chroma.example",
            "store",
            "url",
            "https://chroma.example",
        ),
        ("FOOTNOTED_EMBEDDER__BATCH_SIZE", "7", "embedder", "batch_size", 7),
        ("FOOTNOTED_CHUNK__TOKENS", "100", "chunk", "tokens", 100),
        ("FOOTNOTED_RETRIEVAL__RRF_K", "1", "retrieval", "rrf_k", 1),
        ("FOOTNOTED_LLM__TIMEOUT_SECONDS", "0.5", "llm", "timeout_seconds", 0.5),
        ("FOOTNOTED_LLM__WEIGHTS", "/w.gguf", "llm", "weights", Path("/w.gguf")),
        ("FOOTNOTED_GROUNDING__MIN_CONFIDENCE", "1", "grounding", "min_confidence", 1.0),
        ("FOOTNOTED_GROUNDING__JUDGE", "false", "grounding", "judge", False),
        ("FOOTNOTED_SERVER__PORT", "0", "server", "port", 0),
        (
            "FOOTNOTED_SERVER__ALLOWED_HOSTS",
            "Docs.example, ::1,",
            "server",
            "allowed_hosts",
            ("docs.example", "::1"),
        ),
        (
            "FOOTNOTED_SERVER__ALLOWED_ORIGINS",
            "https://a.example,http://b.example:8080",
            "server",
            "allowed_origins",
            ("https://a.example", "http://b.example:8080"),
        ),
        ("footnoted_server__port", "1", "server", "port", 1),
    ],
)
def test_a_variable_sets_its_field_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    written: str,
    section: str,
    field: str,
    value: object,
) -> None:
    plain = load_settings().model_dump()
    monkeypatch.setenv(variable, written)
    plain[section][field] = value
    assert load_settings().model_dump() == plain


def test_every_setting_can_be_given_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    dumped = load_settings().model_dump(mode="json")
    for name, section in sections().items():
        for field in section.model_fields:
            monkeypatch.setenv(f"FOOTNOTED_{name}__{field}".upper(), _other(field, dumped[name]))
    changed = load_settings().model_dump(mode="json")
    for name in sections():
        same = [field for field in dumped[name] if dumped[name][field] == changed[name][field]]
        assert same == []


def _other(field: str, section: dict[str, Any]) -> str:
    match section[field]:
        case bool(flag):
            return str(not flag)
        case int(number) if number > 1:
            return str(number - 1)
        case float():
            return "0.35"
        case _ if field == "weights_sha256":
            return "0" * 64
        case _ if field == "log_format":
            return "json"
        case _ if field in ("url", "base_url", "allowed_origins"):
            return "http://localhost:1"
        case _ if field == "auth":
            return "on"
        case _:
            return "3"


@pytest.mark.parametrize("written", ["~/articles", "articles"])
def test_the_data_directory_is_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTNOTED_DATA_DIR", written)
    assert load_settings().data_dir == tmp_path / "articles"


def test_overrides_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOOTNOTED_DATA_DIR", "/somewhere/else")
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path


def test_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTED_LLM__MODEL", "openai:tiny")
    monkeypatch.setenv("FOOTNOTED_LLM__API_KEY", "sk-hidden")
    settings = load_settings()
    assert settings.llm.api_key is not None
    assert settings.llm.api_key.get_secret_value() == "sk-hidden"
    assert "sk-hidden" not in repr(settings) + settings.model_dump_json()


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.data_dir = Path("/")
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 1


# Mistakes


@pytest.mark.parametrize(
    "variable",
    [
        "FOOTNOTED_DATADIR",
        "FOOTNOTED_STORE__URI",
        "FOOTNOTED_STORE_URL",
        "FOOTNOTED_STORE",
        "FOOTNOTED_STORE__URL__PORT",
        "FOOTNOTED_",
        "footnoted_modell",
    ],
)
def test_an_unknown_variable_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "{}")
    with pytest.raises(SettingsError, match=rf"unknown setting: {variable}$") as error:
        load_settings()
    assert "docs/settings.md" in error.value.help


def test_other_programs_variables_are_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", "x")
    monkeypatch.setenv("MY_FOOTNOTED_DATA_DIR", "x")
    monkeypatch.setenv("SERVER__PORT", "1")
    assert load_settings().server.port != 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FOOTNOTED_STORE__URL", "localhost:8000"),
        ("FOOTNOTED_EMBEDDER__MODEL", ""),
        ("FOOTNOTED_EMBEDDER__BATCH_SIZE", "0"),
        ("FOOTNOTED_GROUNDING__CROSS_ENCODER", ""),
        ("FOOTNOTED_CHUNK__TOKENS", "15"),
        ("FOOTNOTED_RETRIEVAL__CANDIDATES", "many"),
        ("FOOTNOTED_RETRIEVAL__EVIDENCE", "51"),
        ("FOOTNOTED_RETRIEVAL__RRF_K", "0"),
        ("FOOTNOTED_LLM__BASE_URL", "ftp://x"),
        ("FOOTNOTED_LLM__TIMEOUT_SECONDS", "0"),
        ("FOOTNOTED_LLM__MAX_TOKENS", "7"),
        ("FOOTNOTED_LLM__WEIGHTS_SHA256", "ABC"),
        ("FOOTNOTED_LLM__THREADS", "0"),
        ("FOOTNOTED_LLM__CONTEXT_TOKENS", "1023"),
        ("FOOTNOTED_GROUNDING__MIN_CONFIDENCE", "1.01"),
        ("FOOTNOTED_SERVER__PORT", "65536"),
        ("FOOTNOTED_SERVER__MAX_BODY_BYTES", "-1"),
        ("FOOTNOTED_SERVER__AUTH", "perhaps"),
        ("FOOTNOTED_SERVER__REQUESTS_PER_MINUTE", "-1"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable_and_the_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"bad setting: {variable}={value!r}: ")
    assert ";" not in str(error.value)


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTED_SERVER__PORT", "x")
    monkeypatch.setenv("FOOTNOTED_CHUNK__TOKENS", "y")
    with pytest.raises(SettingsError, match="CHUNK__TOKENS='y'.*; FOOTNOTED_SERVER__PORT='x'"):
        load_settings()
    monkeypatch.setenv("FOOTNOTED_B", "")
    monkeypatch.setenv("FOOTNOTED_A", "")
    with pytest.raises(SettingsError, match="unknown setting: FOOTNOTED_A, FOOTNOTED_B$"):
        load_settings()


ADDRESS = {"FOOTNOTED_LLM__BASE_URL": "http://localhost:8000/v1"}
SECRET = {"FOOTNOTED_LLM__API_KEY": "sk-hidden"}


@pytest.mark.parametrize("variables", [ADDRESS, SECRET, ADDRESS | SECRET])
@pytest.mark.parametrize("model", [{}, {"FOOTNOTED_LLM__MODEL": "local"}])
def test_what_the_embedded_model_would_ignore_is_an_error_that_names_the_model(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], model: dict[str, str]
) -> None:
    for name, value in (variables | model).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{' and '.join(variables)} would be") as error:
        load_settings()
    assert "FOOTNOTED_LLM__MODEL='local'" in str(error.value)
    assert "FOOTNOTED_LLM__MODEL" in error.value.help
    assert "sk-hidden" not in str(error.value)
    assert load_settings(llm={"model": "tiny"}).llm.model == "tiny"


def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTED_LLM__API_KEY", "")
    assert load_settings().llm.model == "local"


def test_a_bad_override_is_an_error_too() -> None:
    with pytest.raises(SettingsError, match="FOOTNOTED_SERVER__PORT"):
        load_settings(server={"port": "x"})


# Describing them


def test_every_setting_is_described() -> None:
    fields = [f"{name}__{field}" for name in sections() for field in sections()[name].model_fields]
    assert sorted(ROWS) == sorted(
        f"FOOTNOTED_{name}".upper() for name in ["data_dir", "speed", *fields]
    )
    for variable, (_, text) in ROWS.items():
        assert text.endswith("."), variable


def test_the_defaults_described_are_the_defaults() -> None:
    settings = load_settings().model_dump()
    for name in sections():
        for field, value in settings[name].items():
            default, _ = ROWS[f"FOOTNOTED_{name}__{field}".upper()]
            assert default == ("" if value in (None, ()) else str(value))
    assert ROWS["FOOTNOTED_DATA_DIR"][0] == "user data directory"
    assert ROWS["FOOTNOTED_SPEED"][0] == settings["speed"] == "balanced"

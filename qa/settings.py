"""Every setting, read from ``FOOTNOTED_*`` variables.

Only entry points and ``assembly`` see this module's objects; classes take plain arguments.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from qa.errors import SettingsError

PREFIX = "FOOTNOTED_"
_LOCAL = "local"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(filter(None, map(str.strip, value.lower().split(","))))


_Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
_Origins = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[^/*]+$")], ...],
    NoDecode,
    BeforeValidator(_split),
]


class StoreSettings(_Section):
    """Where the collections are kept."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="A Chroma server, for example http://localhost:8000; none: embedded, on disk.",
    )


class EmbedderSettings(_Section):
    """What turns text into vectors."""

    model: str = Field(
        default="all-MiniLM-L6-v2",
        min_length=1,
        description="all-MiniLM-L6-v2 (shipped), a folder, or a sentence-transformers name.",
    )
    batch_size: int = Field(
        default=32, ge=1, le=1024, description="Texts that sentence-transformers embeds at once."
    )


class ChunkSettings(_Section):
    """How documents are cut before they are embedded; applies to what is ingested from now on."""

    tokens: int = Field(default=48, ge=16, le=2048, description="Budget of a chunk (cl100k_base).")


class RetrievalSettings(_Section):
    """Which sentences are offered as evidence."""

    candidates: int = Field(
        default=30, ge=1, le=500, description="Hits of each search, chunks or sentences."
    )
    evidence: int = Field(
        default=6,
        ge=1,
        le=50,
        description="Sentences offered as evidence; the LLM drafts from the likeliest of them.",
    )
    rrf_k: int = Field(default=5, ge=1, le=1000, description="Constant of reciprocal rank fusion.")
    ranker_weight: float = Field(
        default=2, ge=0, le=100, description="Of the cross-encoder's ranking; a search counts 1."
    )
    reranked: int = Field(
        default=10, ge=1, le=200, description="Sentences that the cross-encoder reads."
    )


class LLMSettings(_Section):
    """Which language model drafts the answers."""

    model: str = Field(
        default=_LOCAL,
        min_length=1,
        description="local, or PROVIDER:NAME: openai:…, anthropic:…, ollama:….",
    )
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="An OpenAI-compatible server, for a `MODEL` other than local.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Its key; none: the provider's own environment variable, or, with `BASE_URL`, "
        "no key.",
    )
    timeout_seconds: float = Field(default=120, gt=0, le=3600, description="For one LLM call.")
    max_tokens: int = Field(default=96, ge=8, le=4096, description="Longest draft, in tokens.")
    weights: Path | None = Field(default=None, description="A GGUF file for the embedded LLM.")
    weights_sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="Its SHA-256; none: a file named by llm.weights is taken as it is.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, description="CPU threads of the embedded LLM; none: all cores."
    )
    context_tokens: int = Field(
        default=4096, ge=1024, le=131072, description="Context window of the embedded LLM."
    )


class GroundingSettings(_Section):
    """What counts as proved."""

    cross_encoder: str = Field(
        default="footnoted-cross-encoder-3",
        min_length=1,
        description="footnoted-cross-encoder-3 (shipped), a folder, or a sentence-transformers "
        "name. min_confidence suits the shipped one: with another, run `footnoted eval`.",
    )
    min_confidence: float = Field(
        default=0.25, ge=0, le=1, description="Below it the answer is withheld."
    )
    judge: bool = Field(
        default=True,
        description="Whether the LLM is asked about claims that the cross-encoder cannot decide.",
    )


class ServerSettings(_Section):
    """The HTTP face."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8420, ge=0, le=65535, description="0: a free port, printed.")
    auth: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether API keys are asked for; auto: when listening beyond loopback, or once "
        "a key has been created.",
    )
    allowed_hosts: _Hosts = Field(
        default=(),
        description="Names that it answers to, by commas, besides localhost and its address; none: "
        "without keys, on loopback, to localhost alone, else to all.",
    )
    allowed_origins: _Origins = Field(
        default=(),
        description="Origins, by commas, of web pages elsewhere that may call it, such as "
        "https://example.org.",
    )
    requests_per_minute: int = Field(
        default=600,
        ge=0,
        description="Of each key, or of each address without one, loopback excepted; 0: no limit.",
    )
    max_body_bytes: int = Field(
        default=1_000_000, ge=1024, description="Largest request that adds no documents."
    )
    max_upload_bytes: int = Field(
        default=20_000_000, ge=1024, description="Largest request that adds documents."
    )
    max_upload_documents: int = Field(
        default=100, ge=1, description="Most files, or texts, in one such request."
    )
    max_messages: int = Field(default=100, ge=1, description="Most messages of a conversation.")
    max_conversation_characters: int = Field(
        default=100_000, ge=2000, description="Longest conversation."
    )
    fetch_private: bool = Field(
        default=False,
        description="Whether pages are fetched from private addresses too; the command line may "
        "always.",
    )
    max_generations: int = Field(
        default=2, ge=1, le=256, description="Answers that the LLM works on at once."
    )
    max_waiting: int = Field(
        default=16, ge=0, le=500, description="Questions that wait for the LLM; others get 503."
    )
    max_wait_seconds: float = Field(
        default=60, gt=0, le=3600, description="Longest that one waits before it gets 503."
    )
    answer_cache: int = Field(
        default=1000,
        ge=0,
        le=100_000,
        description="Answers kept, each for as long as its collection does not change; 0: none, "
        "and equal questions asked at the same time are answered each by itself.",
    )
    warm_up: bool = Field(
        default=True, description="Load all models at the start, not with the first question."
    )
    shutdown_seconds: int = Field(
        default=5, ge=0, le=3600, description="How long a server told to stop finishes answers."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="Of the server's log; auto: text on a terminal, else json."
    )


class Settings(BaseSettings):
    """All settings; an unknown ``FOOTNOTED_*`` variable is an error, not silence."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("footnoted", appauthor=False)),
        description="All state lives under it.",
    )
    speed: Literal["fast", "balanced", "thorough"] = Field(
        default="balanced",
        description="When a sentence that answers clearly is quoted and no LLM asked: fast, often, "
        "and no draft is judged; balanced, where nothing is lost by it; thorough, never.",
    )
    store: StoreSettings = StoreSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    chunk: ChunkSettings = ChunkSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    llm: LLMSettings = LLMSettings()
    grounding: GroundingSettings = GroundingSettings()
    server: ServerSettings = ServerSettings()

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()


def load_settings(*, all_heeded: bool = True, **overrides: Any) -> Settings:
    """Read the settings from the environment; ``overrides`` win.

    Args:
        all_heeded: whether one that would be ignored is an error.
        overrides: sections, as ``Settings`` takes them.

    Raises:
        SettingsError: an unknown variable, a bad value, or one that would be ignored; the message
            names each.
    """
    _refuse_unknown_variables()
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems = [
            f"{_variable(*(part for part in item['loc'] if isinstance(part, str)))}="
            f"{item['input']!r}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise SettingsError(f"bad setting: {'; '.join(problems)}") from None
    if all_heeded:
        _refuse_ignored_variables(settings.llm)
    return settings


def describe_settings() -> list[tuple[str, str, str]]:
    """Each setting as (variable, default, description), in order."""
    rows: list[tuple[str, str, str]] = []
    for name, entry in Settings.model_fields.items():
        section = entry.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            for inner, field in section.model_fields.items():
                shown = "" if field.default in (None, ()) else str(field.default)
                rows.append((_variable(name, inner), shown, field.description or ""))
        else:
            shown = "user data directory" if entry.default_factory else str(entry.default)
            rows.append((_variable(name), shown, entry.description or ""))
    return rows


def _variable(*parts: str) -> str:
    return PREFIX + "__".join(parts).upper()


def _refuse_unknown_variables() -> None:
    known = {variable for variable, _, _ in describe_settings()}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise SettingsError(f"unknown setting: {', '.join(unknown)}")


def _refuse_ignored_variables(llm: LLMSettings) -> None:
    """The embedded LLM has neither an address nor a key."""
    ignored = [_variable("llm", name) for name in ("base_url", "api_key") if getattr(llm, name)]
    if llm.model == _LOCAL and ignored:
        model = _variable("llm", "model")
        raise SettingsError(
            f"{' and '.join(ignored)} would be ignored: {model}={_LOCAL!r} is the embedded model",
            help=f"Set {model} to the name of the model that is meant, or unset the other.",
        )

"""Which language model drafts: the embedded one, or any that LangChain can reach."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from qa.errors import (
    FootnotedError,
    LLMFailedError,
    LLMUnavailableError,
    SettingsError,
    first_line,
)
from qa.generation.interruption import Interrupted, check_interruption, watch_connection
from qa.generation.local_llm import Endpoint, LocalLLM
from qa.generation.prompt import Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

LOCAL = "local"

_OPENAI, _OLLAMA = "openai:", "ollama:"
_TEMPERATURE = 0

_SHORTEST_KEY = 8
"""In characters; what is shorter, such as the "none" of a server without keys, is a mere word."""

_KEY_HELP = (
    "Set FOOTNOTED_LLM__API_KEY to a key that it takes; or use --evidence-only for the proving "
    "sentences without a language model."
)


_THINKS, _THOUGHT = "<think>", "</think>"
"""Around the thoughts of a model whose server leaves them in its reply."""


class LLM(Protocol):
    """A source of LangChain chat models.

    Attributes:
        name: the model's name, for ``Provenance``.
        token_probabilities: whether it can tell the probabilities of its first token.
    """

    name: str
    token_probabilities: bool

    def connect(self) -> "BaseChatModel":
        """A chat model that is ready to be called.

        Raises:
            LLMUnavailableError: it cannot be started or set up.
            WeightsError: the embedded LLM's weights are missing or wrong.
        """
        ...

    def limit(self, max_tokens: int) -> dict[str, Any]:
        """The options of a call whose reply may be that long."""
        ...

    def start_in_background(self) -> None:
        """Begin to load, if there is anything to load."""
        ...

    def close(self) -> None:
        """Free what was loaded."""
        ...


class EmbeddedLLM:
    """The embedded LLM as a chat model."""

    token_probabilities = True

    def __init__(self, local: LocalLLM, *, timeout_seconds: float) -> None:
        self.name = local.name
        self.local = local
        self._timeout = timeout_seconds
        self._connected: tuple[Endpoint, BaseChatModel] | None = None

    def connect(self) -> "BaseChatModel":
        """A chat model on the running child."""
        endpoint = self.local.endpoint()
        connected = self._connected
        if connected is None or connected[0] != endpoint:
            model = _openai_compatible(
                self.name,
                endpoint.base_url,
                endpoint.api_key,
                timeout_seconds=self._timeout,
                # A proxy that the environment names does not lead to this machine's loopback.
                trust_env=False,
            )
            self._connected = connected = (endpoint, model)
        return connected[1]

    def limit(self, max_tokens: int) -> dict[str, Any]:
        """The longest reply, in OpenAI's words."""
        return {"max_tokens": max_tokens}

    def start_in_background(self) -> None:
        """Load the weights while something else is done."""
        self.local.start_in_background()

    def close(self) -> None:
        """End the child."""
        self.local.close()


class RemoteLLM:
    """A chat model of any LangChain provider.

    Args:
        model: ``PROVIDER:NAME``, or a bare name with ``base_url``.
        base_url: an OpenAI-compatible server, as Ollama's is below ``/v1``; it is told the bare
            name of a model of OpenAI's or Ollama's.
        api_key: its key; ``None`` for the provider's own environment variable, or for none at all
            with ``base_url``: what is meant for the provider is not sent elsewhere.
        timeout_seconds: for one call.
    """

    token_probabilities = False  # many providers refuse the request that asks for them

    def __init__(
        self, model: str, *, base_url: str | None, api_key: str | None, timeout_seconds: float
    ) -> None:
        if base_url is None and ":" not in model:
            raise SettingsError(
                f"FOOTNOTED_LLM__MODEL={model!r} names no provider",
                help=f"Use '{LOCAL}', 'openai:{model}', 'anthropic:{model}', 'ollama:{model}', "
                "or set FOOTNOTED_LLM__BASE_URL.",
            )
        self.name = model
        self._ollama = base_url is None and model.startswith(_OLLAMA)
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout_seconds
        self._connected: BaseChatModel | None = None

    def connect(self) -> "BaseChatModel":
        """The chat model; built at the first call."""
        if self._connected is None:
            self._connected = self._build()
        return self._connected

    def limit(self, max_tokens: int) -> dict[str, Any]:
        """The longest reply, in the provider's words."""
        if self._ollama:  # what a call gives as options takes the place of all the model's
            return {"options": {"num_predict": max_tokens, "temperature": _TEMPERATURE}}
        return {"max_tokens": max_tokens}

    def start_in_background(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to free."""

    def _build(self) -> "BaseChatModel":
        if self._base_url is not None:
            return _openai_compatible(
                self.name.removeprefix(_OPENAI).removeprefix(_OLLAMA),
                self._base_url,
                self._api_key or "none",
                timeout_seconds=self._timeout,
            )
        from langchain.chat_models import init_chat_model

        options: dict[str, Any] = {"timeout": self._timeout}
        if self._ollama:
            options = {"client_kwargs": options}
        options["temperature"] = _TEMPERATURE
        if self._api_key is not None:
            options["api_key"] = self._api_key
        try:
            model: BaseChatModel = init_chat_model(self.name, **options)
        except ImportError as error:
            raise LLMUnavailableError(
                f"the provider of {self.name!r} is not installed: {error}",
                help=f"pip install {_package(error, self.name)}",
            ) from error
        except Exception as error:  # each provider has its own way to miss a key
            raise LLMUnavailableError(
                f"cannot set up {self.name!r}: {first_line(error)}",
                help="Set the provider's key, or FOOTNOTED_LLM__API_KEY.",
            ) from error
        return model


def _package(error: ImportError, model: str) -> str:
    """The package that LangChain asks for, which is not always named after the provider."""
    asked = re.search(r"pip install (?:-U )?`?([\w-]+)|requires the ([\w-]+) package", str(error))
    if asked is not None:
        return asked[1] or asked[2]
    return f"langchain-{model.partition(':')[0].replace('_', '-')}"


def stream_chat(
    llm: LLM, messages: list[Message], *, max_tokens: int, **options: Any
) -> "Iterator[AIMessageChunk]":
    """Yield the model's reply piece by piece, without what it thinks before it.

    Raises:
        LLMError: the model cannot be started or reached, or broke off.
        Interrupted: nobody waits for the reply any more.
    """
    from langchain_core.messages import AIMessageChunk

    check_interruption()
    model = llm.connect()
    thoughts = _Thoughts()
    try:
        for chunk in model.stream(messages, **options, **llm.limit(max_tokens)):
            check_interruption()
            text = thoughts.without(chunk.text)
            yield chunk if text == chunk.text else chunk.model_copy(update={"content": text})
        if thoughts.held:
            yield AIMessageChunk(content=thoughts.held)
    except (FootnotedError, Interrupted):
        raise
    except Exception as error:  # every provider has its own exceptions
        check_interruption()
        said = _without_secrets(str(error), model).splitlines()
        raise LLMFailedError(
            f"the language model {llm.name!r} failed: {type(error).__name__}"
            + (f": {said[0]}" if said else ""),
            help=_KEY_HELP if getattr(error, "status_code", None) in (401, 403) else None,
        ) from error


class _Thoughts:
    """What some models write before they reply, ``<think>…</think>``, as it comes in pieces.

    Attributes:
        held: what may be the beginning of a thought, and is the reply if no more comes.
    """

    def __init__(self) -> None:
        self.held = ""
        self._thought = ""
        self._over = False

    def without(self, piece: str) -> str:
        """``piece``, or what of it, and of what was held back before, is the reply itself."""
        if self._over:
            return piece
        text = self.held + piece
        begun = text.lstrip()
        if self._thought or begun.startswith(_THINKS):
            self.held = ""
            self._thought += text
            reply = self._thought.partition(_THOUGHT)[2].lstrip()
            self._over = bool(reply)
            return reply
        if _THINKS.startswith(begun):  # it may be about to
            self.held = text
            return ""
        self.held, self._over = "", True
        return text


def _without_secrets(text: str, model: "BaseChatModel") -> str:
    """``text`` without the model's keys: some servers repeat a key that they refuse."""
    from pydantic import SecretStr

    for value in vars(model).values():
        if isinstance(value, SecretStr) and len(value) >= _SHORTEST_KEY:
            text = text.replace(value.get_secret_value(), "…")
    return text


def _openai_compatible(
    name: str, base_url: str, api_key: str, *, timeout_seconds: float, trust_env: bool = True
) -> "BaseChatModel":
    from httpx2 import Limits
    from langchain_openai import ChatOpenAI
    from openai import DefaultHttpxClient
    from pydantic import SecretStr

    return ChatOpenAI(
        model=name,
        base_url=base_url,
        api_key=SecretStr(api_key),
        timeout=timeout_seconds,
        http_client=DefaultHttpxClient(
            trust_env=trust_env,
            limits=Limits(max_keepalive_connections=0),
            event_hooks={"request": [watch_connection]},
        ),
        temperature=_TEMPERATURE,
        max_retries=0,
        stream_usage=True,
    )

"""``/v1/chat/completions`` and ``/v1/models``: Footnoted for OpenAI's clients."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.sse import format_sse_event

from qa.schema import AnswerEvent, ClaimEvent, ErrorEvent, Event, EvidenceEvent
from qa.server.access import Access
from qa.server.addresses import rest
from qa.server.asking import whole_answer
from qa.server.events import EventStream, describe_events, stream_answer, while_connected
from qa.server.limits import require_short
from qa.server.openai_wire import (
    MODEL,
    Choice,
    Completion,
    CompletionReply,
    CompletionRequest,
    ErrorReply,
    Model,
    ModelList,
    Usage,
    annotations_of,
    collection_of,
    reply_to,
)
from qa.server.problems import Problem
from qa.server.service import Shared

router = APIRouter(prefix="/v1", tags=["OpenAI"])


_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorReply, "description": "As in /v1/chat; a request of the wrong form, 400"},
    "5XX": {"model": ErrorReply, "description": "As in /v1/chat"},
}


@router.post(
    "/chat/completions",
    response_model=Completion,
    summary="Chat, as OpenAI's clients do",
    responses={
        200: {
            "content": {
                EventStream.media_type: {
                    **describe_events(),
                    "example": 'data: {"object":"chat.completion.chunk",…}\n\ndata: [DONE]\n\n',
                }
            }
        },
        **_ERRORS,
    },
)
async def complete(
    asked: CompletionRequest, request: Request, service: Shared, access: Access
) -> Completion | Response:
    """Answer the last message. Footnotes are `[n]` in the text, and quoted in `annotations`.

    The model `footnoted` answers from the collection `default`, `footnoted/NAME` from another. A
    stream holds the claims one by one, each once it has been checked.
    """
    conversation = asked.conversation()
    access.require("read", conversation.collection)
    require_short(conversation, service.assembly.settings.server)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": asked.model}
    if asked.stream:
        options = asked.stream_options
        chunks = _Chunks(head, include_usage=options is not None and options.include_usage)
        return await stream_answer(request, service, conversation, chunks.encode)
    answer = await while_connected(request, whole_answer(service, conversation))
    if isinstance(answer, Problem):
        return reply_to(request.url.path, answer)
    reply = CompletionReply(content=answer.answer, annotations=annotations_of(answer))
    return Completion(choices=[Choice(message=reply)], usage=Usage.of(answer.usage), **head)


@router.get("/models", summary="List the models, one a collection", responses=_ERRORS)
def list_models(service: Shared, access: Access) -> ModelList:
    """Each collection is a model, and `footnoted` is short for the default one."""
    names = [name for name in service.store.names() if access.may("read", name)]
    short = [Model(id=MODEL)] if "default" in names else []
    return ModelList(data=short + [Model(id=f"{MODEL}/{name}") for name in names])


@router.get(f"/models/{rest('model')}", summary="Is there such a model?", responses=_ERRORS)
def read_model(service: Shared, access: Access, model: str) -> Model:
    """A model of the list."""
    collection = collection_of(model)
    access.require("read", collection)
    service.store.collection(collection)
    return Model(id=model)


class _Chunks:
    """Makes the chunks of one stream.

    Args:
        head: what is the same in all of them.
        include_usage: whether a last one tells the tokens.
    """

    def __init__(self, head: dict[str, Any], *, include_usage: bool) -> None:
        self._head = head | {"object": "chat.completion.chunk"}
        self._include_usage = include_usage
        if include_usage:
            self._head["usage"] = None
        self._sent = ""
        self._begun = False

    def encode(self, event: Event) -> Iterator[bytes]:
        """The chunks that an event is worth; a draft is worth none."""
        if isinstance(event, EvidenceEvent):
            if not self._begun:
                yield self._chunk({"role": "assistant", "content": ""})
            self._begun = True
        elif isinstance(event, ClaimEvent) and event.claim.verdict == "supported":
            text = event.claim.footnoted()
            yield self._content(f" {text}" if self._sent else text)
        elif isinstance(event, AnswerEvent):
            answer = event.answer
            noted = [item.model_dump() for item in annotations_of(answer)]
            yield self._content(answer.answer.removeprefix(self._sent), annotations=noted)
            yield self._chunk({}, finish_reason="stop")
            if self._include_usage:
                usage = Usage.of(answer.usage).model_dump()
                yield _data(self._head | {"choices": [], "usage": usage})
            yield format_sse_event(data_str="[DONE]")
        elif isinstance(event, ErrorEvent):
            yield _data(ErrorReply.of(Problem.of_event(event)).model_dump())

    def _content(self, text: str, **more: Any) -> bytes:
        self._sent += text
        return self._chunk({"content": text, **more})

    def _chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _data(self._head | {"choices": [choice]})


def _data(content: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(content, ensure_ascii=False))

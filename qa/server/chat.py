"""``/v1/chat``: a conversation, answered event by event."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.sse import format_sse_event

from qa.schema import ErrorEvent, Event
from qa.server.access import REFUSALS, Access
from qa.server.events import ERRORS, EventStream, describe_events, stream_answer
from qa.server.limits import require_short
from qa.server.problems import Problem
from qa.server.requests import Conversation
from qa.server.service import Shared

router = APIRouter(prefix="/v1", tags=["answers"], responses=REFUSALS)

_EXAMPLE = """\
event: evidence
data: {"type":"evidence","standalone_question":"Who arranged the call?","evidence":[…]}

event: token
data: {"type":"token","text":"A mutual"}

: ping

event: claim
data: {"type":"claim","claim":{…},"citations":[…]}

event: answer
data: {"type":"answer","answer":{…}}

"""


@router.post(
    "/chat",
    response_class=Response,  # of no media type: FastAPI would describe an event stream as a string
    summary="Chat",
    responses={
        200: {
            "content": {
                EventStream.media_type: {
                    **describe_events("evidence", "token", "claim", "answer", "error"),
                    "example": _EXAMPLE,
                }
            }
        },
        **ERRORS,
    },
)
async def chat(
    conversation: Conversation, request: Request, service: Shared, access: Access
) -> Response:
    """Answer the last message of a conversation, event by event, as it comes about.

    `evidence` has the sentences that were found, `token` a piece of the draft, which nobody has
    checked, `claim` a checked claim with its footnotes. The last event is `answer`, the same object
    as from `/v1/ask`, or `error`; a stream without either was cut. In silence a comment is sent
    every ten seconds. Nothing is kept: send the whole conversation each time.
    """
    access.require("read", conversation.collection)
    require_short(conversation, service.assembly.settings.server)
    return await stream_answer(request, service, conversation, _encode)


def _encode(event: Event) -> Iterator[bytes]:
    if isinstance(event, ErrorEvent):  # its help is the command line's
        event = event.model_copy(update={"help": Problem.of_event(event).help})
    yield format_sse_event(event=event.type, data_str=event.model_dump_json())

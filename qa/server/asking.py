"""``/v1/ask``: a question and its whole answer."""

from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from qa.schema import Answer, AnswerEvent, ErrorEvent, Evidence, EvidenceEvent
from qa.server.access import REFUSALS, Access
from qa.server.events import ERRORS, answer_events, while_connected
from qa.server.problems import Problem
from qa.server.requests import Asked, Question
from qa.server.service import Service, Shared

router = APIRouter(prefix="/v1", tags=["answers"], responses=REFUSALS)

_EXAMPLE: dict[str, Any] = {
    "question": "Who arranged the call?",
    "standalone_question": "Who arranged the call?",
    "status": "answered",
    "answer": "A “mutual acquaintance” arranged the call. [1]",
    "claims": [
        {
            "text": "A “mutual acquaintance” arranged the call.",
            "citations": [1],
            "support": 0.94,
            "verdict": "supported",
        }
    ],
    "citations": [
        {
            "number": 1,
            "sentence_id": "stargate:5312-5388",
            "document_id": "stargate",
            "title": "Stargate",
            "uri": "https://example.org/stargate",
            "start": 5312,
            "end": 5388,
            "sentence": 37,
            "text": "Arranged by a “mutual acquaintance,” Altman spoke with Trump for 25 minutes.",
        }
    ],
    "confidence": 0.94,
    "reason": None,
    "timings_ms": {
        "retrieve": 21.0,
        "first_evidence": 21.4,
        "first_token": 820.3,
        "first_claim": 2100.9,
        "total": 2104.0,
    },
    "usage": {"prompt_tokens": 312, "cached_tokens": 240, "completion_tokens": 31},
    "provenance": {
        "llm": "openai:gpt-4.1-mini",
        "embedder": "all-MiniLM-L6-v2",
        "prompt": "answer/v1@a1b2c3",
        "collection": "default",
        "collection_version": "9f86d081884c7d65",
    },
}


@router.post(
    "/ask",
    response_model=Answer,
    summary="Ask a question",
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}}},
        **ERRORS,
    },
)
async def ask(
    question: Question, request: Request, service: Shared, access: Access
) -> Answer | Response:
    """Answer a question from a collection, every claim with the sentences that prove it.

    Finding nothing is an answer too: status `no_answer`, and `reason` says why. Where the language
    model fails, a sentence that answers clearly is quoted, and `reason` says so; if there is none,
    the problem's member `evidence` holds the sentences that were found.
    """
    access.require("read", question.collection)
    answer = await while_connected(request, whole_answer(service, question))
    return answer.reply() if isinstance(answer, Problem) else answer


async def whole_answer(service: Service, asked: Asked) -> Answer | Problem:
    """The answer alone, or what broke it, with the evidence that was found.

    Raises:
        FootnotedError: it broke before the evidence was found.
    """
    evidence: list[Evidence] = []
    async with aclosing(answer_events(service, asked)) as events:
        async for event in events:
            if isinstance(event, EvidenceEvent):
                evidence = event.evidence
            elif isinstance(event, AnswerEvent):
                return event.answer
            elif isinstance(event, ErrorEvent):
                return Problem.of_event(event, evidence=evidence)
    raise AssertionError("a stream ends with an answer or an error")

"""``/healthz``, is the process alive, ``/readyz``, can it answer, and ``/metrics``."""

from importlib.metadata import PackageNotFoundError, distribution

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from qa.errors import FootnotedError
from qa.generation.llm import EmbeddedLLM
from qa.generation.weights import QWEN_CODER_1_5B
from qa.keys import ALL
from qa.server.access import REFUSALS, Access
from qa.server.problems import Problem, describe
from qa.server.replies import Alive, Check, Ready
from qa.server.service import NOT_LOADED, Service, Shared

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Alive:
    """Always quick: it takes no thread and looks at nothing."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    summary="Can questions be answered?",
    responses=describe(503),
)
def readyz(service: Shared) -> Ready | Response:
    """Looks at the store and at the models, which it does not load.

    Where the server does not warm up, a model that is loaded by the first question is no obstacle.
    """
    checks = {
        "store": _store(service),
        "embedder": _loaded(service, "embedder"),
        "cross_encoder": _loaded(service, "cross_encoder"),
        "llm": _llm(service),
    }
    missing = [f"{name}: {check.detail}" for name, check in checks.items() if not check.ok]
    if not missing:
        return Ready(checks=checks)
    return Problem.of_status(
        503,
        "; ".join(missing),
        checks={name: check.model_dump() for name, check in checks.items()},
    ).reply()


@router.get(
    "/metrics",
    summary="What is counted",
    response_class=PlainTextResponse,
    responses=REFUSALS,
)
async def metrics(service: Shared, access: Access) -> PlainTextResponse:
    """Counts and durations since the start, in Prometheus's text format."""
    access.require("read", ALL)
    return PlainTextResponse(
        generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST
    )


def _store(service: Service) -> Check:
    try:
        names = service.store.names()
    except FootnotedError as error:
        return Check(ok=False, detail=str(error))
    return Check(ok=True, detail=f"collections: {len(names)}, at {service.store.location!r}")


def _loaded(service: Service, part: str) -> Check:
    problem = service.problems.get(part)
    if problem == NOT_LOADED and not service.assembly.settings.server.warm_up:
        return Check(ok=True, detail="loaded by the first question")
    return Check(ok=problem is None, detail=problem or "loaded")


def _llm(service: Service) -> Check:
    if (problem := service.problems.get("llm")) is not None:
        return Check(ok=False, detail=problem)
    try:
        llm = service.llm
    except FootnotedError as error:
        return Check(ok=False, detail=str(error))
    if not isinstance(llm, EmbeddedLLM):
        return Check(ok=True, detail=f"{llm.name}, asked over the network")
    if llm.local.pid is not None:
        return Check(ok=True, detail=f"{llm.name}, up as process {llm.local.pid}")
    missing = _missing_weights(service)
    if missing is not None:
        return Check(ok=False, detail=missing)
    return Check(ok=True, detail=f"{llm.name}, starts with the first question")


def _missing_weights(service: Service) -> str | None:
    """What the weights lack, found without assembling, hashing or downloading them."""
    explicit = service.assembly.settings.llm.weights
    if explicit is not None:
        return None if explicit.expanduser().is_file() else f"no weights file at {str(explicit)!r}"
    weights = QWEN_CODER_1_5B
    if (service.assembly.models_dir / weights.file_name).is_file():
        return None
    absent = [part for part in weights.parts if not _installed(part)]
    if not absent:
        return None
    return f"{len(absent)} of the {len(weights.parts)} packages with the weights are not installed"


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True

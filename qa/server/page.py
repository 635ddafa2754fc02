"""``/``, the page for reading and asking, with the files it is made of."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(__file__).with_name("static")
_CACHING = {"Cache-Control": "no-cache"}
"""The browser asks each time whether a file has changed, so that after an upgrade the page and its
modules are of one version."""

router = APIRouter(include_in_schema=False)


class _StaticFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_CACHING)
        return response


def install(app: FastAPI) -> None:
    """Serve the page at ``/`` and its files below ``/static``."""
    app.include_router(router)
    app.mount("/static", _StaticFiles(directory=_STATIC))


@router.api_route("/", methods=["GET", "HEAD"])
async def page() -> Response:
    """The page; what it asks for goes through the API that everybody has."""
    return FileResponse(_STATIC / "index.html", headers=_CACHING)


@router.api_route("/static/sample.md", methods=["GET", "HEAD"])
def sample() -> Response:
    """The sample article, which the page offers where there is no other yet."""
    article = files("ingest").joinpath("sample", "stargate.md").read_bytes()
    return Response(article, media_type="text/markdown", headers=_CACHING)

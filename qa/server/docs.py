"""The page at ``/docs``: the interface, to be read and tried out.

FastAPI's own page takes Swagger UI from a CDN and starts it by an inline script. This one comes
whole from here, under the same Content-Security-Policy as everything else.
"""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles


def install(app: FastAPI) -> None:
    """Serve the page at ``/docs``."""
    files = StaticFiles(
        directory=Path(__file__).with_name("swagger"),
        packages=[("fastapi_swagger", "resources")],
        html=True,
    )
    app.add_route("/docs", _to_folder, include_in_schema=False)
    app.mount("/docs", files)


async def _to_folder(request: Request) -> Response:
    """To where the addresses in the page count from, as seen from wherever this is mounted."""
    return RedirectResponse("docs/")

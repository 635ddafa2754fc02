"""The page at ``/docs``: the interface, to be read and tried out.

FastAPI's own page takes Swagger UI from a CDN and starts it by an inline script. This one comes
whole from here, under the same Content-Security-Policy as everything else.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles


def install(app: FastAPI) -> None:
    """Serve the page at ``/docs``."""
    files = StaticFiles(
        directory=Path(__file__).with_name("swagger"),
        packages=[("fastapi_swagger", "resources")],
        html=True,
    )
    app.mount("/docs", files)

"""Loading the models before the first question needs them."""

import logging
import threading
from collections.abc import Callable

from qa.server.service import NOT_LOADED, Service

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 30
"""Between attempts, where one of them could not be loaded: the reason may pass."""


class WarmUp:
    """Loads the models in the background; what fails is tried again until it succeeds.

    Args:
        service: whose models; its ``problems`` say how far this is.
        done: called once, when what can be loaded is there.
    """

    def __init__(self, service: Service, done: Callable[[], None]) -> None:
        self._service = service
        self._done = done
        # What answers without a language model comes first: it is there in a second or two.
        self._missing: dict[str, Callable[[], object]] = {
            "embedder": lambda: service.embedder,
            "cross-encoder": lambda: service.cross_encoder,
            "language model": service.connect_llm,
        }
        self._said: set[str] = set()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._service.problems["llm"] = NOT_LOADED
        threading.Thread(target=self._run, daemon=True, name="warm-up").start()

    def stop(self) -> None:
        """Begin with nothing more."""
        self._stopping.set()

    def _run(self) -> None:
        self._load()
        self._done()
        while self._missing and not self._stopping.wait(_PAUSE_SECONDS):
            self._load()
        if not self._missing:
            logger.info("all models are loaded")

    def _load(self) -> None:
        for name, load in list(self._missing.items()):
            self._attempt(name, load)

    def _attempt(self, name: str, load: Callable[[], object]) -> None:
        if self._stopping.is_set():
            return
        try:
            load()
        except Exception as error:
            said = f"the {name} cannot be loaded: {error}"
            if said not in self._said:
                logger.warning("%s", said)
            self._said.add(said)
        else:
            del self._missing[name]

"""The embedded LLM: a supervised child process that answers on loopback.

A crash of native code ends the child, never the service; the next question starts a new one.
"""

import atexit
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from qa.disk import writing
from qa.errors import LLMUnavailableError
from qa.network import usable_cores

logger = logging.getLogger(__name__)

_START_SECONDS = 120
"""Longest wait for the child to listen; loading takes 3 s here and a cold disk takes longer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the child listens, and the key that it asks for."""

    base_url: str
    api_key: str


class LocalLLM:
    """Starts the child when it is first needed and again when it has died.

    Args:
        weights: finds the GGUF file; called at each start, so that a missing file is reported when
            a question needs it and not before.
        name: the model's name towards the API.
        context_tokens: size of the context window.
        threads: CPU threads; ``None`` for one a core that this process may use.
        log_file: where the native code's messages go.
    """

    def __init__(
        self,
        weights: Callable[[], Path],
        *,
        name: str,
        context_tokens: int,
        threads: int | None,
        log_file: Path,
    ) -> None:
        self.name = name
        self._weights = weights
        self._context_tokens = context_tokens
        self._threads = threads or usable_cores()
        self._log_file = log_file
        self._finding = threading.Lock()
        self._lock = threading.Lock()
        self._closings = 0
        self._process: subprocess.Popen[str] | None = None
        self._endpoint: Endpoint | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        process = self._process
        if process is None or process.poll() is not None:
            return None
        try:
            # Killed, its threads may still be ending: it answers no more and cannot be waited for.
            dying = psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            dying = True
        return None if dying else process.pid

    def endpoint(self) -> Endpoint:
        """Where the running child listens; starts it first if need be.

        Raises:
            WeightsError: the weights are missing or wrong.
            LLMUnavailableError: the runtime is not installed, the child cannot start, or it was
                closed meanwhile.
        """
        closings = self._closings
        with self._finding:
            endpoint = self._endpoint
            if endpoint is not None and self.pid is not None:
                return endpoint
            weights = self._weights()  # it may take minutes, for which ``close`` does not wait
            with self._lock:
                self._check_open(closings)
                if (ended := self._process) is not None:
                    self._end()
                    logger.warning("the embedded LLM had ended (%s)", ended.returncode)
                self._endpoint = self._start(weights, closings)
                return self._endpoint

    def start_in_background(self) -> None:
        """Load while something else is done; a failure shows at the next ``endpoint()``."""

        def load() -> None:
            try:
                self.endpoint()
            except Exception as error:
                logger.info("the embedded LLM did not start: %s", error)

        threading.Thread(target=load, daemon=True, name="load-llm").start()

    def close(self) -> None:
        """End the child, or its start; what waits for that start fails."""
        self._closings += 1
        process = self._process
        if process is not None and self._endpoint is None:
            process.kill()  # while it loads, it does not notice that its input is closed
        with self._lock:
            self._end()

    def _check_open(self, closings: int) -> None:
        if self._closings != closings:
            raise LLMUnavailableError("the embedded LLM was closed before it had started")

    def _start(self, weights: Path, closings: int) -> Endpoint:
        with writing(self._log_file):
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
            log = self._log_file.open("w", encoding="utf-8")
        key = secrets.token_urlsafe(24)
        parameters: dict[str, Any] = {
            "weights": str(weights),
            "name": self.name,
            "context_tokens": self._context_tokens,
            "threads": self._threads,
            "api_key": key,
        }
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "qa.generation.llm_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                # Ctrl-C at the terminal is for the command line, which ends the child itself.
                start_new_session=True,
                env=_environment(),
            )
        atexit.register(self.close)
        return Endpoint(self._await_url(parameters, closings) + "/v1", key)

    def _await_url(self, parameters: dict[str, Any], closings: int) -> str:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = threading.Timer(_START_SECONDS, process.kill)
        timer.start()
        if self._closings != closings:
            process.kill()  # ``close`` looked for it before it was there
        try:
            process.stdin.write(json.dumps(parameters) + "\n")
            process.stdin.flush()
            url: str = json.loads(process.stdout.readline())["url"]
        except (OSError, ValueError) as error:
            self._end()
            self._check_open(closings)
            said = self._last_words()
            remedy = "Use --evidence-only for the proving sentences without a language model."
            if "No module named 'xllamacpp'" in said:
                remedy = "Install its runtime with: pip install 'footnoted[local]'."
            raise LLMUnavailableError(
                f"the embedded LLM did not start (exit {process.returncode}): {said}",
                help=f"{remedy} Its messages are in {str(self._log_file)!r}.",
            ) from error
        finally:
            timer.cancel()
        return url

    def _end(self) -> None:
        process, self._process, self._endpoint = self._process, None, None
        atexit.unregister(self.close)
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # the child is gone, and what was not flushed with it
                    logger.debug("pipe to the embedded LLM was already broken")
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        lines = self._log_file.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _environment() -> dict[str, str]:
    """This process's, so that no module is looked for where somebody happens to stand.

    An empty part of ``PYTHONPATH``, as of "/opt/lib:", means that, too.
    """
    folders = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    environment = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(folders)}
    return {name: value for name, value in environment.items() if value or name != "PYTHONPATH"}

"""Networks on onnxruntime that read one text to a core, and how many questions compute at once."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil


class Network:
    """An ONNX network that is given one input at a time, on each core another.

    In a batch the inputs would share the range of their 8 bits, and what is said of one would
    depend on the others. A core to an input is faster than all cores to each, whose threads also
    keep spinning while others work: docs/decisions/0011-speed.md.

    Args:
        model: an ONNX file, or its bytes.
    """

    def __init__(self, model: str | bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._cores = ThreadPoolExecutor(usable_cores(), "network")

    @property
    def width(self) -> int:
        """Length of the second axis of the first output."""
        return int(self._session.get_outputs()[0].shape[1])

    def run(self, inputs: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """The outputs of each input, in their order."""
        return list(self._cores.map(lambda one: self._session.run(None, dict(one)), inputs))


def usable_cores() -> int:
    """How many cores this process may run on."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on every system
        return len(process.cpu_affinity() or [0])
    return psutil.cpu_count() or 1


A_CORE = threading.BoundedSemaphore(usable_cores())
"""Held by whoever searches and reads for a question. More at once than there are cores would finish
none of them sooner, and whatever else the process has to do would wait for all of their threads."""

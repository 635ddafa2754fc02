"""How near the language model comes to what the machine could do at most."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from benchmarks.scale import sentence
from qa.generation.llm import LLM, stream_chat

_PARAMETERS = 1.54e9
"""Of the embedded LLM; each is multiplied and added once for a token."""
_PROMPTS, _SENTENCES, _WRITTEN = 5, 20, 64
_SIZE, _BYTES, _TIMES = 2048, 400_000_000, 5


def measure(llm: LLM, weights: Path, *, seed: int) -> dict[str, float]:
    """Tokens a second of reading and writing, and the machine's limits for them.

    To write a token all weights are read from memory, so the limit is its bandwidth; to read many
    tokens at once is arithmetic in 8-bit integers, so the limit is that of a large matrix product.

    Args:
        llm: the embedded one.
        weights: its file.
        seed: makes the prompts.
    """
    draw = random.Random(seed)
    read, written = zip(*[_ask(llm, draw) for _ in range(_PROMPTS)], strict=True)
    return {
        "prefill": median(read),
        "prefill_limit": _products() / (2 * _PARAMETERS),
        "decode": median(written),
        "decode_limit": _bandwidth() / weights.stat().st_size,
    }


def _ask(llm: LLM, draw: random.Random) -> tuple[float, float]:
    """Tokens read, and tokens written, a second."""
    text = " ".join(sentence(draw) for _ in range(_SENTENCES))
    began, first, usage = time.perf_counter(), None, None
    for chunk in stream_chat(llm, [("user", f"{text}\nTell it again.")], max_tokens=_WRITTEN):
        if chunk.text and first is None:
            first = time.perf_counter()
        usage = chunk.usage_metadata or usage
    if first is None or usage is None:
        raise RuntimeError("the language model wrote nothing")
    decoding = time.perf_counter() - first
    return usage["input_tokens"] / (first - began), (usage["output_tokens"] - 1) / decoding


def _products() -> float:
    """8-bit operations a second of a matrix product, the best of several."""
    shape = [_SIZE, _SIZE]
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    graph = helper.make_graph(
        [node],
        "product",
        [
            helper.make_tensor_value_info("a", TensorProto.UINT8, shape),
            helper.make_tensor_value_info("b", TensorProto.INT8, shape),
        ],
        [helper.make_tensor_value_info("c", TensorProto.INT32, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feed = {"a": np.ones(shape, dtype=np.uint8), "b": np.ones(shape, dtype=np.int8)}
    session.run(None, feed)
    return 2 * _SIZE**3 / min(_timed(lambda: session.run(None, feed)) for _ in range(_TIMES))


def _bandwidth() -> float:
    """Bytes a second that two threads read from memory, the best of several."""
    halves = [np.ones(_BYTES // 8, dtype=np.float32) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        best = min(_timed(lambda: list(pool.map(np.max, halves))) for _ in range(_TIMES))
    return 2 * halves[0].nbytes / best


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began

"""Networks that read one text to a core."""

import numpy as np
import psutil
import pytest

from qa.grounding.cross_encoder import FOLDER
from qa.network import Network, usable_cores


def test_outputs_stand_in_the_order_of_the_inputs_and_do_not_depend_on_each_other() -> None:
    network = Network((FOLDER / "model.onnx").read_bytes())
    rng = np.random.default_rng(1)
    inputs = []
    for pieces in (90, 3, 40, 7, 61):
        ids = rng.integers(1000, 20_000, (1, pieces))
        types = (np.arange(pieces) > 0).astype(np.int64)[None]
        inputs.append(
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        )
    together = network.run(inputs)
    assert [span.shape[1] for _, _, span in together] == [90, 3, 40, 7, 61]
    for one, outputs in zip(inputs, together, strict=True):
        for alone, beside in zip(network.run([one])[0], outputs, strict=True):
            assert np.array_equal(alone, beside)
    assert network.run([]) == []


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cores() == len(psutil.Process().cpu_affinity() or [])
    monkeypatch.delattr(psutil.Process, "cpu_affinity")  # as on macOS
    monkeypatch.setattr(psutil, "cpu_count", lambda: 8)
    assert usable_cores() == 8
    monkeypatch.setattr(psutil, "cpu_count", lambda: None)
    assert usable_cores() == 1

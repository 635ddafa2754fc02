"""Evaluating from Python, with a real Chroma and real files."""

import sys

import pandas
import pytest

from eval.folder import read_run
from eval.notebook import evaluate
from qa.errors import UsageError


@pytest.fixture(autouse=True)
def _assembled(run):
    """The fakes of the command line, which is not called."""


def test_three_lines_give_a_data_frame(suite):
    done = evaluate(suite, evidence_only=True)
    frame = done.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["case_id"]) == ["1", "2"]
    assert frame["citation_recall"].dropna().tolist() == [1.0]
    assert frame.loc[0, "answered"]
    assert str(done).startswith("suite: 2 questions, 1 answerable")
    assert repr(done) == str(done)


def test_without_pandas_there_are_rows_and_a_way_to_install_it(suite, monkeypatch):
    done = evaluate(str(suite), evidence_only=True, limit=1)
    (row,) = done.rows()
    assert row["suite"] == "suite"
    assert row["error"] is None
    assert row["seconds"] > 0
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pandas is not installed") as caught:
        done.to_pandas()
    assert caught.value.help.startswith("pip install pandas")


def test_a_failure_is_a_row(suite, llm):
    llm.connect_error = ConnectionError("gone")
    done = evaluate(suite)
    assert [row["answer"] for row in done.rows()] == [None, None]
    assert all("gone" in row["error"] or "Error" in row["error"] for row in done.rows())


def test_the_run_can_be_written_and_resumed(suite, tmp_path):
    out = tmp_path / "out"
    done = evaluate(suite, out=out, evidence_only=True)
    assert read_run(out) == done.records
    assert evaluate(suite, out=str(out), evidence_only=True, resume=True).records == done.records

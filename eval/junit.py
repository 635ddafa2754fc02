"""A run as JUnit XML, which continuous integration systems show as tests."""

import re
from collections import defaultdict
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from eval.gate import Gate
from eval.runner import Record

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def format_junit(records: Sequence[Record], gates: Sequence[Gate]) -> str:
    """A test suite for each suite and one for the gates.

    A question is a test that breaks if it brought no answer; how good the answer is decides no
    test, for that is what the gates are for. Answer and scores are its output.
    """
    root = Element("testsuites", name="footnoted eval")
    suites: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        suites[record.suite].append(record)
    for name, asked in suites.items():
        suite = _add_suite(root, name, len(asked), errors=sum(it.error is not None for it in asked))
        for record in asked:
            _add_question(suite, record)
    if gates:
        failed = sum(not gate.passed for gate in gates)
        suite = _add_suite(root, "gates", len(gates), failures=failed)
        for gate in gates:
            case = SubElement(suite, "testcase", classname="gates", name=_clean(gate.name))
            if gate.passed:
                SubElement(case, "system-out").text = _clean(gate.detail)
            else:
                SubElement(case, "failure", message=_clean(gate.detail))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add_suite(
    root: Element, name: str, tests: int, *, failures: int = 0, errors: int = 0
) -> Element:
    counts = {"tests": tests, "failures": failures, "errors": errors}
    return SubElement(
        root,
        "testsuite",
        {"name": _clean(name)} | {key: str(count) for key, count in counts.items()},
    )


def _add_question(suite: Element, record: Record) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_clean(record.suite),
        name=_clean(f"{record.case_id}: {record.question}"),
        time=f"{record.seconds or 0:.3f}",
    )
    if record.error is not None:
        SubElement(case, "error", type=record.error.type, message=_clean(record.error.message))
    scores = [f"{name}: {value:g}" for name, value in record.scores.items() if value is not None]
    lines = [record.answer.answer] if record.answer else []
    SubElement(case, "system-out").text = _clean("\n".join(lines + scores))


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)

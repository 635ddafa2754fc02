import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Case, GoldSpan, Suite
from eval.formats import load_suite
from eval.formats.corpus import add_document
from eval.formats.hotpotqa import read_hotpotqa
from eval.formats.squad import read_squad
from qa.errors import SuiteError
from qa.schema import Document, Turn


def write(path: Path, *values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def slices(suite: Suite) -> None:
    """Every gold span stands where it says."""
    for case in suite.questions:
        for span in [span for alternative in case.evidence for span in alternative]:
            assert suite.text(span.doc_id)[span.start : span.end] == span.text


# SQuAD

PARAGRAPHS = ["Ada wrote – “so” – it.", "Bob read it in 1843."]


def squad_row(**changes: Any) -> dict[str, Any]:
    answers = [{"text": "1843", "answer_start": 15}, {"text": "in 1843", "answer_start": 12}]
    return {"id": "q", "question": " When? ", "answers": [*answers, answers[0]], **changes}


def squad(*rows: dict[str, Any], title: str = "Ada_Lovelace") -> dict[str, Any]:
    paragraphs = [
        {"context": PARAGRAPHS[0], "qas": []},
        {"context": PARAGRAPHS[1], "qas": list(rows)},
    ]
    return {"version": "v2.0", "data": [{"title": title, "paragraphs": paragraphs}]}


def test_squad_articles_are_documents_and_offsets_move(tmp_path: Path) -> None:
    hard = {"plausible_answers": [{"text": "Bob", "answer_start": 0}], "is_impossible": True}
    suite = load_suite(
        write(tmp_path / "dev-v2.0.json", squad(squad_row(), squad_row(id=7, answers=[], **hard)))
    )
    slices(suite)
    assert suite.name == "dev-v2.0"
    (document,) = suite.documents.values()
    assert document.text == "\n\n".join(PARAGRAPHS)
    assert (document.id, document.title) == ("Ada_Lovelace", "Ada Lovelace")
    begin = len(PARAGRAPHS[0]) + 2
    assert suite.questions == (
        Case(
            id="q",
            question="When?",
            answers=("1843", "in 1843"),
            answerable=True,
            evidence=(
                (GoldSpan("Ada_Lovelace", begin + 15, begin + 19, "1843"),),
                (GoldSpan("Ada_Lovelace", begin + 12, begin + 19, "in 1843"),),
            ),
            doc_ids=("Ada_Lovelace",),
            type="extractive",
            source="squad",
        ),
        Case(
            id="7",
            question="When?",
            answers=(),
            answerable=False,
            doc_ids=("Ada_Lovelace",),
            type="impossible",
            source="squad",
        ),
    )


def test_squad_articles_of_one_title_or_none_are_kept_apart() -> None:
    first, second = squad(squad_row()), squad(squad_row(id="r"))
    second["data"][0]["paragraphs"][0]["context"] = "Else."
    nameless = squad(title="")
    empty = {"data": [{"title": "Nothing", "paragraphs": []}]}
    both = {"data": first["data"] + second["data"] + nameless["data"] + empty["data"]}
    suite = read_squad("both", both)
    slices(suite)
    assert list(suite.documents) == ["Ada_Lovelace", "Ada_Lovelace (2)", "article 3"]
    assert [case.doc_ids for case in suite.questions] == [("Ada_Lovelace",), ("Ada_Lovelace (2)",)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([squad_row(), squad_row()], "the id 'q' occurs twice"),
        (
            [squad_row(answers=[{"text": "1843", "answer_start": 14}])],
            "question 'q': not '1843' but ' 184' stands at 14",
        ),
        ([squad_row(answers=[{"text": "", "answer_start": 1}])], "not '' but"),
        ([{"id": "q"}], r"data\.0\.paragraphs\.1\.qas\.0\.question: Field required"),
        ([squad_row(answers=[{"text": "x"}])], r"qas\.0\.answers\.0\.answer_start"),
    ],
)
def test_a_broken_squad_row_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(SuiteError, match=message):
        load_suite(write(tmp_path / "dev.json", squad(*rows)))


# HotpotQA

PAGES = [
    ["Ada", ["Ada wrote it.", " Bob read it. ", "Cid lost it."]],
    ["Dora", ["Dora found it."]],
    ["Empty", [""]],
]


def hotpot_row(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "h",
        "question": "Who?",
        "answer": "Cid",
        "type": "bridge",
        "level": "hard",
        "context": PAGES,
        "supporting_facts": [["Ada", 2], ["Dora", 0], ["Ada", 2]],
        **changes,
    }


def test_hotpotqa_facts_are_sentences_needed_together(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "hotpot.json", [hotpot_row(), hotpot_row(_id="i")]))
    slices(suite)
    assert {doc_id: suite.text(doc_id) for doc_id in suite.documents} == {
        "Ada": "Ada wrote it. Bob read it. Cid lost it.",
        "Dora": "Dora found it.",
    }
    assert suite.questions[0] == Case(
        id="h",
        question="Who?",
        answers=("Cid",),
        answerable=True,
        evidence=(
            (GoldSpan("Ada", 27, 39, "Cid lost it."), GoldSpan("Dora", 0, 14, PAGES[1][1][0])),
        ),
        doc_ids=("Ada", "Dora"),
        type="bridge/hard",
        source="hotpotqa",
    )


def test_hotpotqa_pages_of_one_title_with_other_words_are_kept_apart() -> None:
    other = hotpot_row(_id="i", context=[["Ada", ["Ada sold it."]]], supporting_facts=[["Ada", 0]])
    suite = read_hotpotqa("hotpot", [hotpot_row(), other])
    slices(suite)
    assert suite.text("Ada (2)") == "Ada sold it."
    assert suite.questions[1].doc_ids == ("Ada (2)",)


@pytest.mark.parametrize("facts", [[["Ada", 0], ["Zoe", 0]], [["Ada", 3]], [["Empty", 0]]])
def test_half_of_the_facts_are_no_gold(caplog: pytest.LogCaptureFixture, facts: list[Any]) -> None:
    with caplog.at_level(logging.WARNING):
        suite = read_hotpotqa("hotpot", [hotpot_row(supporting_facts=facts)])
    assert suite.questions[0].evidence == ()
    assert "1 questions have facts outside their pages" in caplog.text


def test_a_hotpotqa_test_set_has_no_gold() -> None:
    row = {"_id": "h", "question": "Who?", "context": PAGES}
    (case,) = read_hotpotqa("hotpot", [row]).questions
    assert (case.answers, case.evidence, case.type) == ((), (), "")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([hotpot_row(), hotpot_row()], "the id 'h' occurs twice"),
        ([hotpot_row(), hotpot_row(_id="i", question=1)], r"questions\.1\.question"),
        ([hotpot_row(context=[["Ada"]])], r"questions\.0\.context\.0"),
    ],
)
def test_a_broken_hotpotqa_row_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(SuiteError, match=message):
        load_suite(write(tmp_path / "hotpot.json", rows))


# BEIR


def beir(folder: Path, **qrels: str) -> Path:
    corpus = [
        {"_id": "1", "title": "Ada", "text": "Ada wrote – it.", "metadata": {}},
        {"_id": "2", "title": "Only a title", "text": ""},
        {"_id": "3", "title": "", "text": " "},
        {"_id": "4", "text": "Cid lost it."},
    ]
    write(folder / "corpus.jsonl", *corpus)
    write(folder / "queries.jsonl", *({"_id": f"q{n}", "text": f"Query {n}"} for n in range(4)))
    for split, text in qrels.items():
        (folder / "qrels").mkdir(exist_ok=True)
        (folder / "qrels" / f"{split}.tsv").write_text(text, "utf-8")
    return folder


HEAD = "query-id\tcorpus-id\tscore\n"


def test_beir_relevant_documents_are_gold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    test = f"{HEAD}q1\t1\t2\nq1\t4\t1\nq1\t2\t0\nq2\t3\t1\nq2\tgone\t1\nq3\t2\t1\n"
    with caplog.at_level(logging.WARNING):
        suite = load_suite(beir(tmp_path / "tiny", test=test, train="q0\t1\t1\n"))
    slices(suite)
    assert suite.name == "tiny"
    assert [case.id for case in suite.questions] == ["q1", "q3"]
    assert [[span.doc_id for span in gold] for gold in suite.questions[0].evidence] == [["1", "4"]]
    assert suite.questions[0].evidence[0][0].text == "Ada wrote – it."
    assert suite.questions[1].evidence[0][0].text == "Only a title"
    assert suite.questions[0].answers == () and suite.questions[0].doc_ids is None
    assert "2 relevant documents are not in the corpus or empty" in caplog.text


def test_a_beir_corpus_stays_on_disk_and_reads_like_a_mapping(tmp_path: Path) -> None:
    documents = load_suite(beir(tmp_path, test="q1\t1\t1\n")).documents
    assert list(documents) == ["1", "2", "4"]
    assert len(documents) == 3 and "3" not in documents
    assert [document.title for document in documents.values()] == ["Ada", "Only a title", "4"]
    assert documents["4"] == Document.make("Cid lost it.", title="4", doc_id="4")
    with pytest.raises(KeyError):
        documents["3"]
    (tmp_path / "corpus.jsonl").unlink()
    with pytest.raises(OSError):
        documents["1"]


def test_the_split_is_chosen_by_name_or_by_custom(tmp_path: Path) -> None:
    splits = {"train": "q0\t1\t1\n", "dev": "q1\t1\t1\n"}
    folder = beir(tmp_path / "tiny", **splits)
    assert load_suite(folder).questions[0].id == "q1"
    assert load_suite(f"{folder}#train").questions[0].id == "q0"
    assert load_suite(Path(f"{folder}#dev")).questions[0].id == "q1"
    with pytest.raises(SuiteError, match="no split 'test'") as raised:
        load_suite(f"{folder}#test")
    assert "dev, train" in raised.value.help
    assert load_suite(beir(tmp_path / "odd", mine="q2\t1\t1\n")).questions[0].id == "q2"
    with pytest.raises(SuiteError, match=r"no \.tsv file"):
        load_suite(beir(tmp_path / "bare"))


def test_a_hash_may_belong_to_the_path(tmp_path: Path) -> None:
    folder = beir(tmp_path / "a#test", train="q0\t1\t1\n")
    assert load_suite(folder).questions[0].id == "q0"


@pytest.mark.parametrize(
    ("name", "added", "message"),
    [
        ("corpus.jsonl", '{"text": "x"}', r"corpus\.jsonl, line 5: not a document"),
        ("corpus.jsonl", "[]", r"corpus\.jsonl, line 5: not a document"),
        ("corpus.jsonl", "{", r"corpus\.jsonl, line 5: not a document"),
        ("corpus.jsonl", '{"_id": "1", "text": "x"}', r"line 5: the _id '1' occurs twice"),
        ("corpus.jsonl", '{"_id": "f\\r", "text": "x"}', r"line 5: the _id 'f\\r' holds control"),
        ("queries.jsonl", '{"_id": "x"}', r"queries\.jsonl, line 5: text: Field required"),
        ("qrels/test.tsv", "q1\t1", r"test\.tsv, line 3: not a query, a document and a score"),
        ("qrels/test.tsv", "q1\t1\tx", r"test\.tsv, line 3: not a query"),
        ("qrels/test.tsv", "x\t1\t1", r"test\.tsv, line 3: queries\.jsonl has no query 'x'"),
    ],
)
def test_a_broken_beir_row_is_named(tmp_path: Path, name: str, added: str, message: str) -> None:
    path = beir(tmp_path, test=f"{HEAD}q1\t1\t1\n") / name
    path.write_text(path.read_text("utf-8") + added + "\n", "utf-8")
    with pytest.raises(SuiteError, match=message):
        load_suite(tmp_path)


def test_beir_without_anything_relevant_or_without_a_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="names no relevant document"):
        load_suite(beir(tmp_path / "none", test=f"{HEAD}q1\t1\t0\n\n"))
    folder = beir(tmp_path / "gone", test="q1\t1\t1\n")
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(SuiteError, match=r"corpus\.jsonl cannot be read"):
        load_suite(folder)


# MTRAG


def task(**changes: Any) -> dict[str, Any]:
    def passage(name: str, said: str, **more: Any) -> dict[str, Any]:
        return {"document_id": name, "text": said, "score": 2.5, "url": "x", **more}

    def mark(value: str) -> dict[str, Any]:
        return {"relevant": {"somebody": {"value": value, "timestamp": 1}}}

    return {
        "conversation_id": "c",
        "task_id": "c::2",
        "task_type": "rag",
        "turn": 2,
        "contexts": [
            passage("p1", "Ada wrote it.", title="On Ada", feedback=mark("yes")),
            passage("p2", "Bob read it.", title=float("nan"), feedback=mark("no")),
            passage("p3", " ", feedback=mark("yes")),
            passage("p4", "Cid lost it."),
        ],
        "input": [
            {"speaker": "user", "text": "Hm?", "metadata": {}},
            {"speaker": "agent", "text": "Yes."},
            {"speaker": "user", "text": "Who wrote it?"},
        ],
        "targets": [{"speaker": "agent", "text": "It was Ada."}],
        "Answerability": ["ANSWERABLE"],
        "Multi-Turn": float("nan"),
        **changes,
    }


def test_an_mtrag_task_is_the_last_question_of_a_conversation(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "reference.jsonl", task()))
    slices(suite)
    assert suite.name == "reference"
    assert {it.id: (it.title, it.text) for it in suite.documents.values()} == {
        "p1": ("On Ada", "Ada wrote it."),
        "p2": ("p2", "Bob read it."),
        "p4": ("p4", "Cid lost it."),
    }
    assert suite.questions == (
        Case(
            id="c::2",
            question="Who wrote it?",
            answers=("It was Ada.",),
            answerable=True,
            evidence=((GoldSpan("p1", 0, 13, "Ada wrote it."),),),
            doc_ids=("p1", "p2", "p4"),
            type="answerable",
            source="mtrag",
            history=(Turn(role="user", content="Hm?"), Turn(role="assistant", content="Yes.")),
        ),
    )


@pytest.mark.parametrize(
    ("label", "answerable"),
    [("PARTIAL", True), ("UNANSWERABLE", False), ("CONVERSATIONAL", False)],
)
def test_what_counts_as_answerable(tmp_path: Path, label: str, answerable: bool) -> None:
    row = task(answerability=[label])
    del row["Answerability"]
    (case,) = load_suite(write(tmp_path / "tasks.jsonl", row, task(task_id="d"))).questions[:1]
    assert case.answerable is answerable
    assert bool(case.answers) is bool(case.evidence) is answerable
    assert case.type == label.lower()


def test_without_passages_the_whole_corpus_is_searched(tmp_path: Path) -> None:
    row = task(contexts=[], Answerability=["UNANSWERABLE"])
    (case,) = load_suite(write(tmp_path / "tasks.jsonl", row)).questions
    assert case.doc_ids is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "line 2: the task_id 'c::2' occurs twice"),
        ({"task_id": "d", "input": []}, "line 2: input: "),
        (
            {"task_id": "d", "input": [{"speaker": "agent", "text": "Yes."}]},
            "line 2: input: the last turn is not the user's",
        ),
        ({"task_id": "d", "Answerability": []}, "line 2: Answerability: "),
        ({"task_id": "d", "contexts": [{"text": "x"}]}, r"line 2: contexts\.0\.document_id"),
    ],
)
def test_a_broken_mtrag_row_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "tasks.jsonl", task(), task(**changes))
    with pytest.raises(SuiteError, match=message):
        load_suite(path)


# What is no suite


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\xff\xfe", "not JSON"),
        ('{"rows": [], "version": 1}', "an object with the keys rows, version"),
        ("{}", "an object with the keys none"),
        ("[]", "it is a list of 0"),
        ('[{"question": "?"}]', "a list of 1, the first an object with the keys question"),
        ("3", "it is 3"),
        ('{"data": [1]}', "an object with the keys data"),
        ('{"data": []}', "holds no questions"),
    ],
)
def test_a_file_that_is_no_suite_is_described(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, "utf-8")
    with pytest.raises(SuiteError, match=message):
        load_suite(path)


def test_a_folder_that_is_no_suite_is_described(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="there is no suite '.*nowhere'"):
        load_suite(tmp_path / "nowhere")
    with pytest.raises(SuiteError, match="it holds nothing") as raised:
        load_suite(tmp_path)
    assert "BEIR" in raised.value.help
    write(tmp_path / "notes.txt")
    with pytest.raises(SuiteError, match="is not a suite; it holds notes.txt"):
        load_suite(tmp_path)
    with pytest.raises(SuiteError, match="is not the split 'test' of a suite"):
        load_suite(f"{tmp_path / 'notes.txt'}#test")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("xy", min_size=1, max_size=2))))
def test_documents_are_found_again_by_their_ids(added: list[tuple[str, str]]) -> None:
    documents: dict[str, Document] = {}
    ids = [add_document(documents, name, text) for name, text in added]
    assert [documents[doc_id].text for doc_id in ids] == [text for _, text in added]
    assert len(documents) == len(set(added))


@given(st.lists(st.lists(st.text("A. \n", max_size=4), max_size=4), max_size=3))
def test_the_sentences_of_a_page_stand_where_the_gold_says(pages: list[list[str]]) -> None:
    context = [[str(number), page] for number, page in enumerate(pages)]
    facts = [[title, n] for title, page in context for n, said in enumerate(page) if said.strip()]
    suite = read_hotpotqa("h", [hotpot_row(context=context, supporting_facts=facts)])
    slices(suite)
    gold = {span.text for it in suite.questions[0].evidence for span in it}
    assert gold == {said.strip() for page in pages for said in page if said.strip()}

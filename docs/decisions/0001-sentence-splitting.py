"""Measures sentence splitters: ``python 0001-sentence-splitting.py DATA_FOLDER NAME…``.

DATA_FOLDER holds the suites selqa, article, squad2, onestopqa and chroma_chunking, each with
corpus.jsonl and questions.jsonl. NAME is one of ``_SPLITTERS`` that is installed.
"""

import functools
import json
import re
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

_ENDED = re.compile(r"[.!?…][\"'”’)\]]*$")


@functools.cache
def _sentencizer(spacy: Any) -> Any:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return nlp


def _syntok(m: Any, t: str) -> list[tuple[int, int]]:
    sentences = [sentence for paragraph in m.analyze(t) for sentence in paragraph]
    return [(s[0].offset, s[-1].offset + len(s[-1].value)) for s in sentences]


_SPLITTERS: dict[str, Any] = {
    "qa.sentences": lambda m, t: [(s.start, s.end) for s in m.split_sentences(t)],
    "nupunkt": lambda m, t: m.sentence_spans(t),
    "punkt": lambda m, t: m.tokenizer_for("english", prefixes=True).span_tokenize(t),
    "blingfire": lambda m, t: m.text_to_sentences_and_offsets(t)[1],
    "syntok.segmenter": _syntok,
    "pysbd": lambda m, t: [(s.start, s.end) for s in m.Segmenter(char_span=True).segment(t)],
    "sentencex": lambda m, t: [
        (s["start_index"], s["end_index"]) for s in m.get_sentence_boundaries("en", t)
    ],
    "spacy": lambda m, t: [(s.start_char, s.end_char) for s in _sentencizer(m)(t).sents],
}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _measure(name: str, data: Path) -> dict[str, Any]:
    split = functools.partial(_SPLITTERS[name], import_module(name))
    list(split("What is loaded lazily is loaded now. Then comes the measuring."))
    texts, spans, evidence, seconds = {}, {}, {}, 0.0
    for suite in ("selqa", "article", "squad2", "onestopqa", "chroma_chunking"):
        for document in _read(data / suite / "corpus.jsonl"):
            key, text = document["doc_id"], document["text"]
            if len(text) > 120_000:  # two; pysbd takes minutes for them
                continue
            start = time.perf_counter()
            bounds = list(split(text))
            seconds += time.perf_counter() - start
            pieces = [(a, b, text[a:b]) for a, b in bounds if text[a:b].strip()]
            texts[key] = text
            spans[key] = {(b - len(s.lstrip()), a + len(s.rstrip())) for a, b, s in pieces}
        questions = _read(data / suite / "questions.jsonl")
        both = [e for q in questions for e in q["evidence"]]
        flat = [e for x in both for e in (x if isinstance(x, list) else [x])]
        evidence[suite] = [e for e in flat if e["doc_id"] in texts]
    ends = {key: {end for _, end in found} for key, found in spans.items()}
    hits = found = gold = real_hits = real_gold = 0
    for q in {q["doc_ids"][0]: q for q in _read(data / "selqa" / "questions.jsonl")}.values():
        key, text = q["doc_ids"][0], texts[q["doc_ids"][0]]
        want = {b for a, b in q["sentences"][:-1] if text[a:b].strip()}
        # Cuts at semicolons are wanted, though not of the gold.
        got = {b for b in ends[key] - {len(text.rstrip())} if text[b - 1] not in ";"}
        # The gold also cuts after "e.g." and "No." and in lists that lost their line breaks.
        real = {b for b in want if _ENDED.search(text[:b][-9:]) and not text[b + 1].islower()}
        real = {b for b in real if not text[:b].endswith(("No.", "Vol."))}
        hits, found, gold = hits + len(want & got), found + len(got), gold + len(want)
        real_hits, real_gold = real_hits + len(real & got), real_gold + len(real)
    article = {(e["start"], e["end"]) for e in evidence["article"]}
    within = evidence["squad2"]  # a phrase each
    whole = [
        e for e in evidence["onestopqa"] + evidence["chroma_chunking"] if _ENDED.search(e["text"])
    ]
    cut = sum(any(e["start"] < b < e["end"] for b in ends[e["doc_id"]]) for e in within)
    return {
        "precision": round(hits / found, 3),
        "recall": round(hits / gold, 3),
        "F1": round(2 * hits / (found + gold), 3),
        "recall of real ends": round(real_hits / real_gold, 3),
        "article": f"{len(article & spans['article'])}/{len(article)}",
        "phrases cut": f"{cut}/{len(within)}",
        "ends missed": f"{sum(e['end'] not in ends[e['doc_id']] for e in whole)}/{len(whole)}",
        "sentences per second": round(sum(map(len, spans.values())) / seconds, -2),
    }


for splitter in sys.argv[2:]:
    sys.stdout.write(f"{splitter}: {json.dumps(_measure(splitter, Path(sys.argv[1])))}\n")

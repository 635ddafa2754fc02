import pytest
from growth import is_linear
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.sentences import LONGEST, split_sentences


def split(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text)]


# Pieces that meet each rule often; plain st.text() meets few.
pieces = st.sampled_from(
    [
        *" \t\n\r\u2028\u3000.!?…;:,()\"'“”‘’[]|#-=*。！？；",
        *("\r\n", "\n\n", "# ", "- ", "1. ", "| a | b |", "|---|", "[1]", "e\u0301", "👩\u200d🚀"),
        *("Mr.", "U.S.", "e.g.", "No. 5", "$0.2 billion", "He", "went", "the", "今天", "ﬁ", "İ"),
        *("word " * 60, "long" * 300, "A sentence that is long enough to stand; "),
    ]
)
texts = st.one_of(
    st.text(max_size=400),
    st.lists(pieces, max_size=60).map("".join),
    st.lists(pieces, max_size=60).map(" ".join),
)


@settings(deadline=None)  # the first example loads the model
@given(texts)
def test_spans_ascend_are_trimmed_and_hold_every_visible_character_once(text: str) -> None:
    spans = split_sentences(text)
    held = [i for span in spans for i in range(span.start, span.end)]
    assert held == sorted(set(held))
    assert {i for i, char in enumerate(text) if not char.isspace()} <= set(held)
    assert all(
        text[span.start : span.end] == text[span.start : span.end].strip() != "" for span in spans
    )


@settings(deadline=None)  # the first example loads the model
@given(texts)
def test_blank_lines_around_a_text_change_nothing(text: str) -> None:
    assert split(f"\n\n{text}\n\n") == split(text)


@settings(deadline=None)  # the first example loads the model
@given(texts)
def test_no_sentence_spans_a_blank_line_or_is_too_long(text: str) -> None:
    for sentence in split(text):
        assert all(line.strip() for line in sentence.splitlines())
        assert len(sentence) <= LONGEST


@pytest.mark.parametrize("text", ["", " ", "\n\r\n\t \u3000\u2028"])
def test_nothing_to_split(text: str) -> None:
    assert split_sentences(text) == []


ENGLISH = {
    "abbreviations": ["Mr. Smith paid $0.2 billion, e.g. for No. 5.", "Dr. Lee vs. Ms. Ray."],
    "initials": ["J. K. Rowling and J.R.R. Tolkien wrote.", "B.J. Daniels read."],
    "hours at the end": [
        "They left at 7.52 p.m.",
        "Nobody was hurt.",
        "It opens at 9 a.m.",
        "I wait.",
    ],
    "hours inside": ["It ended at 5 p.m. Friday.", "On air at 8 p.m. ET and 9 a.m. Eastern Time."],
    "country inside": ["The U.S. Senate met the U.S. Secretary of State.", "It voted."],
    "country at the end": ["He moved to the U.S.", "He likes it."],
    "ranks": ["Lt. Gen. Ann Moss and Sen. John Doe met Gov. Ray.", "They left."],
    "everyday words": ["They met that week.", "Ann went south.", "Ray told the story."],
    "everyday words that were learned as abbreviations": [
        "They fished until dusk.",
        "Anna slept in the barn.",
        "Peter bled.",
        "They sell a lock.",
        "Insurance costs more than the sun.",
        "“We need code.”",
    ],
    "volumes": ["See Hefele, III. 138, approx. 12 in. (30 cm) from Lt. Ray."],
    "decimals": ["Shares rose 3.5 percent to 12.75 dollars.", "Version 2.0 is out."],
    "quote before the next": [
        "The baker asked, 'Do they really need so much flour?'",
        "To this, Ray said nothing.",
    ],
    "stop inside the quote": ['It is the "Bread 2.0 plan."', "He said “Stop.”", "She left."],
    "quote that goes on": ["“It is the moon!” he said.", '"Why?" asked Ann of him.'],
    "parentheses": ["He 'trusted one of them (Ray).'", "(It rained.)", "Then it stopped."],
    "ellipses": ["Well ... he waited.", "Nothing came..."],
    "name with a mark": ["Yahoo! is a firm.", "It grew."],
    "question and exclamation": ["What?!", "No way!!", "Yes."],
    "notes of an encyclopedia": ["It was hot.[1]", "It ended.[2][3]", "Then came another."],
    "markdown emphasis": ["**It was bold.**", "*It leaned.*", "It ended."],
}


@pytest.mark.parametrize("sentences", ENGLISH.values(), ids=ENGLISH.keys())
def test_english(sentences: list[str]) -> None:
    assert split(" ".join(sentences)) == sentences


def test_full_stops_of_other_scripts() -> None:
    assert split("今天很好。我们去吧！你呢？") == ["今天很好。", "我们去吧！", "你呢？"]
    assert split("「好。」他走了。") == ["「好。」", "他走了。"]
    assert split("वह घर गया। वह सो गया।") == ["वह घर गया।", "वह सो गया।"]


SENTENCE = "The mill by the river has ground the corn of the whole valley since last summer."
PARAGRAPH = " ".join([SENTENCE] * 4)
LAYOUT = {
    "columns of spaces": (
        "Ann Lund   -- tag the bicycles   -- until 5 April\nBo Ray     -- book a band\n"
        "Cy Moss    -- see the tenants    -- until 2 May\nThey agreed on all of it.",
        [
            "Ann Lund   -- tag the bicycles   -- until 5 April",
            "Bo Ray     -- book a band",
            "Cy Moss    -- see the tenants    -- until 2 May",
            "They agreed on all of it.",
        ],
    ),
    "typewritten": (
        f"{SENTENCE[:-1]},\nas they say.  It never stopped.  Nobody knows why, for the\n"
        "miller is dead.",
        [
            f"{SENTENCE[:-1]},\nas they say.",
            "It never stopped.",
            "Nobody knows why, for the\nmiller is dead.",
        ],
    ),
    "paragraphs of one line": (
        "From small mill to big bakery.\nFrom afar it seems more.\nit ended.",
        ["From small mill to big bakery.", "From afar it seems more.", "it ended."],
    ),
    "heading without a mark": (
        f"{PARAGRAPH}\nLeading Names\nIt is said to pay.",
        [*[SENTENCE] * 4, "Leading Names", "It is said to pay."],
    ),
    "blank line": ("It has no stop\n\nand goes on", ["It has no stop", "and goes on"]),
    "blank line with spaces": ("One\r\n \t\r\ntwo", ["One", "two"]),
    "headings": (
        "# Vol. 2. The end\nText. More.\n## Next",
        ["# Vol. 2. The end", "Text.", "More.", "## Next"],
    ),
    "underlined heading": ("Title\n=====\nText here.", ["Title\n=====", "Text here."]),
    "list": (
        "Two:\n- one\n- two goes\n  on\n* three\n1. First. Second.\n(b) last",
        ["Two:", "- one", "- two goes\n  on", "* three", "1. First.", "Second.", "(b) last"],
    ),
    "table": (
        "| Co. | No. |\n|-----|-----|\n| Mr. A | 5. B |\nAfter it.",
        ["| Co. | No. |\n|-----|-----|", "| Mr. A | 5. B |", "After it."],
    ),
    "columns": ("a\tB\t1\nc\tD\t2", ["a\tB\t1", "c\tD\t2"]),
    "short wrapped lines": (
        "This is a hard\nwrapped line. Next one\nis here.",
        ["This is a hard\nwrapped line.", "Next one\nis here."],
    ),
    "wrapped paragraph": (
        "The committee waited for the bread and for the wine with Mr.\n"
        "Smith until the winter came to the plains around the city of\n"
        "London. Nobody knew what the president of the council would\n"
        "do.\n"
        "A Short Heading\n"
        "The winter ended, and so did the long wait for the bread and\n"
        "wine.",
        [
            "The committee waited for the bread and for the wine with Mr.\n"
            "Smith until the winter came to the plains around the city of\nLondon.",
            "Nobody knew what the president of the council would\ndo.",
            "A Short Heading",
            "The winter ended, and so did the long wait for the bread and\nwine.",
        ],
    ),
    "headlines": (
        "Mill Meets Bakery in the Old Town Hall on Monday\n"
        "Markets Fall as Farmers Doubt the Price of Bread\n"
        "Baker Criticizes the Plan Announced on Wednesday",
        [
            "Mill Meets Bakery in the Old Town Hall on Monday",
            "Markets Fall as Farmers Doubt the Price of Bread",
            "Baker Criticizes the Plan Announced on Wednesday",
        ],
    ),
}


@pytest.mark.parametrize(("text", "sentences"), LAYOUT.values(), ids=LAYOUT.keys())
def test_layout(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences
    assert [s.split() for s in split(text.replace("\n", "\r\n"))] == [s.split() for s in sentences]


CLAUSE = "the committee waited for the bread, the wine and the salt of the plains, as it always did"


def test_a_long_sentence_is_cut_at_its_semicolons() -> None:
    assert split(f"{CLAUSE}; {CLAUSE}; {CLAUSE}.") == [f"{CLAUSE};", f"{CLAUSE};", f"{CLAUSE}."]


@pytest.mark.parametrize(
    "text",
    [
        "It was short; it stays whole.",
        f"{CLAUSE} ({CLAUSE}; (a; b) {CLAUSE}).",
        f'{CLAUSE} "{CLAUSE}; {CLAUSE}".',
        f"{CLAUSE} “{CLAUSE}; {CLAUSE}”.",
        f"{CLAUSE} 'the legislator's {CLAUSE}; {CLAUSE}'.",
        f"{CLAUSE}, {CLAUSE}, {CLAUSE}; a short part.",
        f"{CLAUSE}&amp;{CLAUSE}, {CLAUSE}.",
    ],
)
def test_semicolons_that_do_not_cut(text: str) -> None:
    assert split(text) == [text]


def test_an_endless_sentence_is_cut_at_whitespace() -> None:
    parts = split("word " * 1000)
    assert [len(part) for part in parts] == [999] * 5
    assert {word for part in parts for word in part.split()} == {"word"}


@pytest.mark.parametrize("character", ["x", "今", "e\u0301", "\ud83d\ude00", "q\u0323\u0307"])
def test_a_line_without_spaces_is_cut_between_characters(character: str) -> None:
    parts = split(character * 1500)
    assert len(parts) > 1
    assert all(len(part) <= LONGEST and part.startswith(character[0]) for part in parts)


def test_a_space_with_a_combining_mark_is_not_cut() -> None:
    assert all(part[0] == "x" for part in split(("x" * 30 + " \u0301") * 100))


@pytest.mark.parametrize(
    "piece",
    [
        "Hello there, Mr. Smith. ",
        "a.\n",
        "!",
        "!" * (LONGEST - 1) + " ",
        '".',
        "A. ",
        "“; ‘a; (",
        "| ",
        "\u0301",
    ],
    ids=lambda piece: repr(piece[:9]),
)
def test_time_is_linear(piece: str) -> None:
    assert is_linear(lambda length: split_sentences(piece * (length // len(piece))), 200_000)


def test_each_key_that_a_file_begins_with_stands_alone() -> None:
    text = "---\ntitle: Why\nauthor: Ann Lee\ntags:\n  - bread\n---\n\nIt began. It ended."
    assert split(text) == [
        "---\ntitle: Why",
        "author: Ann Lee",
        "tags:\n  - bread\n---",
        "It began.",
        "It ended.",
    ]


def test_what_stands_between_two_rules_need_not_be_keys() -> None:
    text = "---\nIt rained: much\nand it was dark.\n---\n\nIt ended."
    assert split(text) == ["---", "It rained: much\nand it was dark.\n---", "It ended."]
    assert split("---\n---\nIt rained.") == ["---\n---", "It rained."]


CODE = """Run it:

~~~sh
# first? second! Third.
ps aux | sort | head; echo "Done. Bye."

- name: not an item
~~~

Then rest. ``` is a fence."""


def test_fenced_code_is_parted_by_blank_lines_alone() -> None:
    assert split(CODE) == [
        "Run it:",
        '~~~sh\n# first? second! Third.\nps aux | sort | head; echo "Done. Bye."',
        "- name: not an item\n~~~",
        "Then rest.",
        "``` is a fence.",
    ]


def test_a_fence_that_is_not_closed_begins_no_code() -> None:
    assert split("```\nIt rained. It stopped.") == ["```", "It rained.", "It stopped."]


def test_long_code_is_cut_at_whitespace() -> None:
    lines = [f"x_{number} = {number}" for number in range(200)]
    parts = split("\n".join(["```", *lines, "```"]))
    assert len(parts) > 1
    assert "\n".join(parts) == "\n".join(["```", *lines, "```"])

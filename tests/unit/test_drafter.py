import pytest
from fake_llm import Article, FakeLLM, Reply, drafter_on
from growth import is_linear
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from qa.errors import LLMFailedError, LLMUnavailableError
from qa.generation import drafter
from qa.generation.drafter import Draft, split_claims
from qa.generation.prompt import load_prompt
from qa.schema import Evidence, Turn, Usage

ARTICLE = Article(["Ann met Bob.", "He refused.", "They parted."])
EVIDENCE = ARTICLE.evidence()


# Drafting


def test_a_draft_grows_piece_by_piece() -> None:
    llm, draft, seen = FakeLLM(["Ann met Bob. He refused."]), Draft(), []
    for piece in drafter_on(llm).stream("Whom did Ann meet?", EVIDENCE, draft):
        seen.append(piece)
        assert draft.text == "".join(seen)
        assert llm.calls[0].running
    assert seen == ["Ann", " met", " Bob.", " He", " refused."]
    assert draft.claims() == ["Ann met Bob.", "He refused."]
    assert not draft.cut


def test_a_call_carries_the_sentences_the_question_and_the_limit() -> None:
    llm = FakeLLM(["Bob."])
    list(drafter_on(llm).stream("Whom did Ann meet?", EVIDENCE, Draft()))
    (call,) = llm.calls
    assert [role for role, _ in call.messages] == ["system", "user"]
    assert "[1] Ann met Bob.\n[2] He refused.\n[3] They parted.\n" in call.messages[1][1]
    assert "Whom did Ann meet?" in call.messages[1][1]
    assert call.options["max_tokens"] == 77
    assert not call.options.get("logprobs")


def test_sentences_are_shown_as_they_stand_documents_by_their_best() -> None:
    """Ranked order would tear "He" from whom it means."""
    other = Article(["Cid ran.", "Dot sat."], id="another").evidence()
    ranked = [EVIDENCE[2], other[1], EVIDENCE[0], other[0]]
    offered = [item.model_copy(update={"number": n}) for n, item in enumerate(ranked, start=1)]
    llm = FakeLLM(["Bob."])
    list(drafter_on(llm).stream("Who?", offered, Draft()))
    assert "[1] Ann met Bob.\n[2] They parted.\n[3] Cid ran.\n[4] Dot sat.\n" in llm.calls[-1].text


def test_a_draft_at_the_length_limit_loses_its_unfinished_sentence() -> None:
    draft = Draft()
    llm = FakeLLM([Reply("Ann met Bob. He refu", finish="length")])
    list(drafter_on(llm).stream("Who?", EVIDENCE, draft))
    assert draft.cut
    assert draft.claims() == ["Ann met Bob."]


@pytest.mark.parametrize("said", ["", " \n"])
def test_a_limit_that_is_used_up_before_a_word_comes_is_an_error(said: str) -> None:
    """As by a model that thinks first, which no sources can be blamed for."""
    llm = FakeLLM([Reply(said, finish="length")])
    with pytest.raises(LLMFailedError, match="'fake' came to the limit of 77 tokens") as caught:
        list(drafter_on(llm).stream("Who?", EVIDENCE, Draft()))
    assert "FOOTNOTED_LLM__MAX_TOKENS" in caught.value.help
    assert "FOOTNOTED_LLM__MODEL" in caught.value.help


@pytest.mark.parametrize("thought", ["<think>\nAnn? No.\n</think>\n\n", " \n<think></think>"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_what_a_model_thinks_before_it_replies_is_no_draft(thought: str, piece: int) -> None:
    text = thought + "Bob left. <think> is a tag."
    reply = Reply(text, pieces=[text[at : at + piece] for at in range(0, len(text), piece)])
    draft = Draft()
    shown = list(drafter_on(FakeLLM([reply])).stream("Who?", EVIDENCE, draft))
    assert "".join(shown) == draft.text == "Bob left. <think> is a tag."


def test_a_thought_that_is_cut_off_is_no_draft_either() -> None:
    llm = FakeLLM([Reply("<think>Ann? Or is it", finish="length")])
    with pytest.raises(LLMFailedError, match="came to the limit of 77 tokens"):
        list(drafter_on(llm).stream("Who?", EVIDENCE, Draft()))


def test_a_model_that_ends_without_a_word_has_nothing_to_say() -> None:
    draft = Draft()
    assert list(drafter_on(FakeLLM([""])).stream("Who?", EVIDENCE, draft)) == []
    assert draft.claims() == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [("finish_reason", "MAX_TOKENS"), ("stop_reason", "max_tokens"), ("done_reason", "length")],
)
def test_the_limit_shows_as_every_provider_tells_it(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    chunks = [
        AIMessageChunk("Ann met Bob. He refu"),
        AIMessageChunk("", response_metadata={name: reason}),
    ]
    monkeypatch.setattr(drafter, "stream_chat", lambda *_, **__: chunks)
    draft = Draft()
    list(drafter_on(FakeLLM()).stream("Who?", EVIDENCE, draft))
    assert draft.claims() == ["Ann met Bob."]


def test_usage_is_what_the_model_reports() -> None:
    draft = Draft()
    llm = FakeLLM([Reply("Bob.", tokens=(312, 240, 31))])
    list(drafter_on(llm).stream("Who?", EVIDENCE, draft))
    assert draft.usage == Usage(prompt_tokens=312, cached_tokens=240, completion_tokens=31)


def test_usage_that_comes_in_pieces_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = [UsageMetadata(input_tokens=300, output_tokens=2, total_tokens=302)]
    reported.append(UsageMetadata(input_tokens=0, output_tokens=3, total_tokens=3))
    chunks = [AIMessageChunk("Bob. ", usage_metadata=it) for it in reported]
    monkeypatch.setattr(drafter, "stream_chat", lambda *_, **__: chunks)
    draft = Draft()
    list(drafter_on(FakeLLM()).stream("Who?", EVIDENCE, draft))
    assert draft.usage == Usage(prompt_tokens=300, completion_tokens=5)


def test_no_usage_is_no_error() -> None:
    draft = Draft()
    list(drafter_on(FakeLLM(["Bob."])).stream("Who?", EVIDENCE, draft))
    assert draft.usage == Usage()


def test_a_draft_given_up_ends_the_call() -> None:
    llm = FakeLLM(["Ann met Bob."])
    pieces = drafter_on(llm).stream("Who?", EVIDENCE, Draft())
    next(pieces)
    assert llm.calls[0].running
    pieces.close()
    assert not llm.calls[0].running


# What the model is shown

awkward = st.text(st.sampled_from('"“”ab.$[]{}\n\r\t\u2028\x85 1é'), min_size=1, max_size=30)


@given(st.lists(awkward, min_size=1, max_size=4), awkward, awkward)
def test_no_straight_double_quote_is_sent_and_each_sentence_is_one_line(
    sentences: list[str], question: str, reply: str
) -> None:
    llm = FakeLLM([reply] * 3)
    drafter, offered = drafter_on(llm), Article(sentences).evidence()
    list(drafter.stream(question, offered, Draft()))
    user = llm.calls[0].messages[1][1]
    begins = [line[:4] for line in user.splitlines()[: len(offered)]]
    assert begins == [f"[{number}] "[:4] for number in range(1, len(offered) + 1)]
    assert user.splitlines()[len(offered)] == ""
    drafter.condense(question, [Turn(role="user", content=reply)])
    assert len(llm.calls) == 2
    assert [call.messages for call in llm.calls if '"' in call.text] == []


def test_quotes_are_shown_typographic() -> None:
    article = Article(['He said "yes" and "no".', 'It is 5" long.'])
    llm = FakeLLM(["Yes."])
    list(drafter_on(llm).stream('What is "yes"?', article.evidence(), Draft()))
    assert "[1] He said “yes” and “no”.\n[2] It is 5” long.\n" in llm.calls[-1].text
    assert "What is “yes”?" in llm.calls[-1].text


# The two prompts


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("Whom did Ann meet?", "answer/v1"),
        ("Did Bob refuse?", "answer/v1"),
        ("What did Ann say about Bob?", "quote/v1"),
        ("How did Ann describe Bob?", "quote/v1"),
    ],
)
def test_who_asks_for_words_gets_a_quotation_first(question: str, prompt: str) -> None:
    """Asked what somebody said, the embedded LLM reports that he said something."""
    llm = FakeLLM(["“He refused.”"])
    list(drafter_on(llm).stream(question, EVIDENCE, Draft()))
    instruction = load_prompt(prompt).messages(sentences="", question="")[-1][1].splitlines()[-1]
    assert llm.calls[0].text.endswith(instruction)


def test_half_a_character_is_replaced_in_every_reply() -> None:
    """As a server sends that cuts a pair of surrogates between two tokens."""
    drafter = drafter_on(FakeLLM([Reply(pieces=["Ann \ud83d", "\ude80 met Bob."])] * 2))
    assert "".join(drafter.stream("Whom did Ann meet?", EVIDENCE, Draft())) == "Ann ?? met Bob."
    assert drafter.condense("Whom?", []).text == "Ann ?? met Bob."


# Rewriting a follow-up

HISTORY = [
    Turn(role="user", content=f"Question {number}?")
    if number % 2
    else Turn(role="assistant", content=f"Answer {number}. [1][2]")
    for number in range(1, 11)
]


def test_a_follow_up_is_rewritten_from_the_latest_messages_without_marks() -> None:
    llm = FakeLLM(["  Who refused Ann?\nBecause she asked."])
    assert drafter_on(llm).condense("Who refused?", HISTORY).text == "Who refused Ann?"
    assert "User: Question 9?\nAssistant: Answer 10.\n" in llm.calls[-1].text
    assert "Who refused?" in llm.calls[-1].text
    assert "Question 1?" not in llm.calls[-1].text
    assert "[1]" not in llm.calls[-1].text


@pytest.mark.parametrize("reply", ["", " \n "])
def test_an_empty_rewriting_is_empty(reply: str) -> None:
    assert drafter_on(FakeLLM([reply])).condense("Who?", HISTORY).text == ""


# Failures


def test_a_model_that_breaks_off_keeps_what_has_come() -> None:
    llm = FakeLLM([Reply("Ann met", error=ConnectionError("the line went dead\nat byte 7"))])
    draft, seen = Draft(), []
    with pytest.raises(LLMFailedError) as caught:
        for piece in drafter_on(llm).stream("Who?", EVIDENCE, draft):
            seen.append(piece)
    assert seen == ["Ann", " met"]
    assert str(caught.value) == (
        "the language model 'fake' failed: ConnectionError: the line went dead"
    )
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert caught.value.retryable


def test_an_error_without_a_message_is_named() -> None:
    with pytest.raises(LLMFailedError, match="failed: TimeoutError$"):
        list(drafter_on(FakeLLM([Reply(error=TimeoutError())])).stream("Who?", EVIDENCE, Draft()))


def test_errors_of_our_own_pass_unchanged() -> None:
    llm = FakeLLM(["Bob."])
    llm.connect_error = LLMUnavailableError("the embedded LLM did not start")
    with pytest.raises(LLMUnavailableError, match="did not start"):
        list(drafter_on(llm).stream("Who?", EVIDENCE, Draft()))


def test_an_interruption_is_not_a_failure_of_the_model() -> None:
    with pytest.raises(KeyboardInterrupt):
        list(
            drafter_on(FakeLLM([Reply("Ann", error=KeyboardInterrupt())])).stream(
                "Who?", EVIDENCE, Draft()
            )
        )


# Claims


@pytest.mark.parametrize(
    ("draft", "claims"),
    [
        ("", []),
        (" \n\t ", []),
        ("...", []),
        ("[1][2]", []),
        ("Ann met Bob", ["Ann met Bob"]),
        ("Ann met Bob. He refused.", ["Ann met Bob.", "He refused."]),
        ("Ann met Bob! Why? She asked.", ["Ann met Bob!", "Why?", "She asked."]),
        ("Ann met Bob [1]. He refused. [2][3]", ["Ann met Bob.", "He refused."]),
        ("Ann [1, 2] met [3-5] Bob [6–8][99].", ["Ann met Bob."]),
        ("Ann met [sic] Bob in [2024].", ["Ann met [sic] Bob in 2024."]),
        ("Ann met Bob. [2024] was cold.", ["Ann met Bob.", "2024 was cold."]),
        ("[2[1]5]\n~~Ann~~ met\u202e Bob.", ["Ann met Bob."]),
        ("- Ann met Bob.\n- He refused.\n", ["Ann met Bob.", "He refused."]),
        ("* Ann met Bob\n\n• He refused", ["Ann met Bob", "He refused"]),
        ("1. Ann met Bob.\n2. He refused.", ["Ann met Bob.", "He refused."]),
        ("Mr. Roe met Dr. Poe. J. K. Roe left.", ["Mr. Roe met Dr. Poe.", "J. K. Roe left."]),
        ("It overturned Roe v. Wade. It was late.", ["It overturned Roe v. Wade.", "It was late."]),
        ("It cost $3.5 billion. 2 men paid.", ["It cost $3.5 billion.", "2 men paid."]),
        (
            "“It ends.” He left. (So it did.) Then",
            ["“It ends.”", "He left.", "(So it did.)", "Then"],
        ),
        ("Ann asked, “Why?” and left.", ["Ann asked, “Why?” and left."]),
        ("Élan won. Ärger followed.", ["Élan won.", "Ärger followed."]),
        ("Ann met Bob.\nHe refused", ["Ann met Bob.", "He refused"]),
        ("They spoke on Jan. 21, 2025.", ["They spoke on Jan. 21, 2025."]),
        ("It was led by Lt. Col. Roe.", ["It was led by Lt. Col. Roe."]),
        ("It costs approx. 5 euros.", ["It costs approx. 5 euros."]),
        ("It ended at 5 p.m. Tuesday.", ["It ended at 5 p.m. Tuesday."]),
        ("He left. Łukasz stayed.", ["He left.", "Łukasz stayed."]),
        ("Он ушёл. Она осталась.", ["Он ушёл.", "Она осталась."]),
        ("他去了。她没有去。", ["他去了。", "她没有去。"]),
    ],
)
def test_a_draft_is_split_into_its_claims(draft: str, claims: list[str]) -> None:
    assert split_claims(draft) == claims


@pytest.mark.parametrize(
    ("draft", "claims"),
    [
        ("Ann met Bob. He refu", ["Ann met Bob."]),
        ("Ann met Bob. He refused.", ["Ann met Bob.", "He refused."]),
        ("Ann met Bob. He said “no.”", ["Ann met Bob.", "He said “no.”"]),
        ("Ann met Bo", ["Ann met Bo"]),
        ("", []),
    ],
)
def test_a_cut_draft_loses_only_an_unfinished_last_claim(draft: str, claims: list[str]) -> None:
    assert split_claims(draft, cut=True) == claims


plain = st.text(st.sampled_from("aBé9京. !?。“”\"'()-–*•\n\t ,;:/"), max_size=25)
anything = st.text(max_size=25).filter(lambda text: "[" not in text and "]" not in text)
marks = st.sampled_from(["[1]", " [12]", "[1][2]", "[99]", " [1, 2]", "[1-3]", "[1–3, 5]", "[123]"])


@given(st.lists(st.tuples(plain | anything, marks | st.just("")), max_size=8))
def test_no_letter_is_lost_but_the_marks(pieces: list[tuple[str, str]]) -> None:
    claims = split_claims("".join(text + mark for text, mark in pieces))
    wanted = [sign for text, _ in pieces for sign in text if sign.isalpha()]
    assert [sign for claim in claims for sign in claim if sign.isalpha()] == wanted


@given(st.text(max_size=60) | plain)
def test_a_claim_holds_a_letter_or_a_digit_and_stands_in_one_line(draft: str) -> None:
    for claim in split_claims(draft):
        assert any(sign.isalnum() for sign in claim)
        assert "\n" not in claim
        assert claim == claim.strip()


@pytest.mark.parametrize(
    "piece",
    [
        *("[", "]", ".", "!", '"', "'", "(", "[1", "[1,", "[1]", "[1, ", ". ", ".\n", '."', "A. "),
        *(" ", "\n", "\t", " \n", "\u3000", "[1 ", "Mr. ", "-", "é", "京。", "a\n", "a b "),
    ],
)
def test_splitting_takes_time_in_proportion_to_the_draft(piece: str) -> None:
    def split(length: int) -> None:
        draft = f"Ann met {piece * (length // len(piece))} Bob. He refused."
        assert split_claims(draft)[-1] == "He refused."

    assert is_linear(split, 100_000)


def test_evidence_is_not_changed_by_what_the_model_is_shown() -> None:
    article = Article(['He said "yes"\nand left.'])
    before: list[Evidence] = article.evidence()
    list(drafter_on(FakeLLM(["Yes."])).stream("Who?", before, Draft()))
    assert before == article.evidence()
    assert before[0].text == article.text


@given(st.text(alphabet="Aa.! \n[1]”-*2;", max_size=25))
@example("It was in the U.S. Secretary Roe’s hotel.")
@example("They met in Jan. It was cold.")
def test_what_a_draft_has_said_does_not_change_as_it_goes_on(text: str) -> None:
    whole = split_claims(text)
    for end in range(len(text)):
        ended = Draft(text[:end]).ended_claims()
        assert ended == whole[: len(ended)]


def test_a_claim_has_ended_once_another_word_is_whole() -> None:
    assert Draft("Ann met Bob. He").ended_claims() == []
    assert Draft("Ann met Bob. He refused").ended_claims() == ["Ann met Bob."]

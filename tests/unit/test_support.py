import math
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from fake_llm import Article
from hypothesis import example, given
from hypothesis import strategies as st

from qa.grounding.antecedents import who_is_meant, with_antecedents
from qa.grounding.support import Support, find_support
from qa.schema import Evidence
from qa.words import stems, terms


def similarity(text: str, others: Sequence[str]) -> list[float]:
    """Cosine of the counts of word stems."""

    def cosine(one: Counter[str], other: Counter[str]) -> float:
        length = math.hypot(*one.values()) * math.hypot(*other.values())
        return sum(one[stem] * other[stem] for stem in one) / length if length else 0.0

    return [cosine(Counter(stems(text)), Counter(stems(other))) for other in others]


def support(claim: str, question: str, evidence: Sequence[Evidence]) -> Support:
    return find_support(claim, question, evidence, similarity)


def proof(claim: str, question: str, *sentences: str) -> list[int]:
    """Which of the sentences, counted from 1, prove the claim."""
    found = support(claim, question, Article(sentences).evidence())
    assert (found.reason is None) == bool(found.proof)
    return [item.sentence for item in found.proof]


CALL = "In a call arranged by a “mutual acquaintance,” Altman spoke with Trump for 25 minutes."
BURGUM = (
    "Doug Burgum, then the governor of North Dakota, opened the first door.",
    "He has since been approved as Secretary of the Interior.",
)
ARTICLE = (
    "Musk sat in the most prominent place of all.",
    *BURGUM,
    "Altman was supposed to be there too.",
    "A positive COVID test kept him away.",
    CALL,
    "Stargate is a project of up to $500 billion.",
    "The mood around the deal quickly improved.",
    "Microsoft was in talks with OpenAI when the firm was shaken by turmoil.",
    "SoftBank, Oracle and OpenAI put money into it, and MGX joined them.",
)


# What is proved, and by which sentence


@pytest.mark.parametrize(
    ("question", "claim", "expected"),
    [
        ("How long did they talk?", "Altman spoke with Trump for 25 minutes.", [6]),
        ("How long did they talk?", "Altman and Trump spoke for 25 minutes", [6]),
        ("What is Stargate?", "Stargate is a project of up to $500 billion.", [7]),
        ("Where did Musk sit?", "Musk sat in the most prominent place.", [1]),
        ("Who joined SoftBank and Oracle?", "MGX joined them.", [10]),
        ("What kept Altman away?", "A positive COVID test kept him away.", [5]),
        ("Did Altman speak with Trump?", "Altman spoke with Trump.", [6]),
        ("Did Altman speak with Trump?", "Yes, Altman spoke with Trump.", [6]),
        ("Must Altman speak with Trump?", "Yes, Altman must speak with Trump.", [6]),
        ("Shall Altman speak with Trump?", "Altman shall speak with Trump.", [6]),
    ],
)
def test_a_claim_is_proved_by_the_sentence_that_says_it(
    question: str, claim: str, expected: list[int]
) -> None:
    assert proof(claim, question, *ARTICLE) == expected


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("They talked for 25 minutes.", "It was a 25-minute call, they talked."),
        ("It was a 25-minute call.", "The call took 25 minutes."),
        ("The call had 2 witnesses.", "The call had two witnesses."),
        ("The call had two witnesses.", "The call had 2 witnesses."),
        ("The call had 1,000 listeners.", "The call had 1000 listeners."),
        ("The call had 1000 listeners.", "The call had 1,000 listeners."),
        ("The call had a “familiar face” in it.", 'The call had a "familiar face" in it.'),
        ('The call had a "familiar face" in it.', "The call had a “familiar face” in it."),
        ("The call had a “familiar face,” he said.", "The call had a “familiar face” in it."),
        ("The call was Ann’s idea.", "The call was Ann's idea."),
        ("The call was Ann's idea.", "The idea of the call was that of Ann."),
        ("The call was James’ idea.", "The call was James's idea."),
        ("The CALL was fullwidth: ２５.", "The call was 25."),
        ("The call cost $2.", "The call cost 2 dollars."),
        ("The call cost 2 dollars.", "The call cost $2."),
        ("The call cost 35,000 yuan.", "The call cost ¥35,000."),
        ("The call had 25 per cent noise.", "The call had 25% noise."),
        ("The call had 25% noise.", "The call had 25 percent noise."),
        ("The call went over 29 km.", "The call went over 29 kilometres."),
        ("The call had a “familiar face” in it.", "The call had a 'familiar face' in it."),
        ("The call had a «familiar face» in it.", "The call had a „familiar face“ in it."),
        (
            "The callers' idea was the brothers' call.",
            "The call was the callers' and brothers' idea.",
        ),
    ],
)
def test_another_spelling_is_no_other_statement(source: str, claim: str) -> None:
    assert proof(claim, "What is known about the call?", "It rained.", source) == [2]


def test_two_neighbouring_sentences_prove_what_neither_does_alone() -> None:
    claim = "Doug Burgum was approved as Secretary of the Interior."
    question = "Who was approved as Secretary of the Interior?"
    assert proof(claim, question, *ARTICLE) == [2, 3]
    assert proof(claim, question, BURGUM[0]) == []
    assert proof(claim, question, BURGUM[1]) == []


def test_what_is_asked_for_by_name_is_not_proved_without_it() -> None:
    question, claim = "Which hotel did Ann choose?", "Bob booked a hotel room for Ann."
    checked = support(claim, question, Article(["Bob booked a hotel room for Ann."]).evidence())
    assert checked.proof == ()
    assert checked.reason == "no sentence that fits gives its name"
    assert proof("Ann chose the Rex.", question, "Ann chose the Rex, a small hotel.") == [1]


def test_a_number_is_not_of_somebody_whom_only_the_next_sentence_names() -> None:
    claim, question = "Musk is 39.", "How old is Musk?"
    founder = "The founder, aged 39, had lost."
    assert proof(claim, question, founder, "Musk went to court.") == []
    assert proof(claim, question, founder, "It rained.", "Musk went to court.") == []
    assert proof(claim, question, "Musk, the founder, had lost.", "He is 39.") == [1, 2]
    assert proof(claim, question, founder, "This was Musk.") == [1, 2]  # points back


def test_they_are_those_of_the_sentence_before() -> None:
    question, claim = "How much did Ann give?", "Ann gave $5 billion."
    gave, came = "Ann gave her share to the fund.", "They came with a project of $5 billion."
    assert proof(claim, question, gave, came) == [1, 2]
    assert proof(claim, question, gave, "Bob was next.", came) != [1, 3]


def test_a_claim_with_a_name_is_proved_with_the_sentence_that_he_refers_to() -> None:
    question = "Which post did the former governor of North Dakota get?"
    claim = "The former governor of North Dakota became Secretary of the Interior."
    assert proof(claim, question, *BURGUM) == [1, 2]
    assert proof("He became Secretary of the Interior.", "Which post did he get?", *BURGUM) == [2]
    # A sentence that does not begin with such a word is understood alone.
    rain = ("Ann Lund runs the town.", "In May the mayor closed the bridge.")
    assert proof("Lund closed the bridge in May.", "What did Lund do?", *rain) == [2]


def test_an_implied_denial_proves_a_denial() -> None:
    doubted = "Altman came to doubt that Biden could win."
    claim, question = "He no longer believed that Biden could win.", "What did he believe of Biden?"
    assert proof(claim, question, doubted) == [1]
    assert proof(claim, question, "Altman said that Biden could win.") == []


def test_the_opposite_of_what_is_asked_proves_nothing() -> None:
    evidence = Article(["The party with the highest quotient is awarded the seat."]).evidence()
    found = support("It is awarded the seat.", "What is the lowest quotient awarded?", evidence)
    assert found.proof == ()
    assert found.reason == "the question says “lowest”, and the sentence that fits “highest”"
    assert support("It is awarded the seat.", "What is the highest awarded?", evidence).proof


def test_a_yes_is_not_looked_for_in_the_source() -> None:
    question = "Are Ann and Bob still in court?"
    assert proof("Yes, they are still in court.", question, "Ann and Bob fight in court.") == [1]
    assert proof("No, they are not in court.", question, "Ann and Bob fight in court.") == []


def test_one_sentence_is_preferred_to_two() -> None:
    sentences = ("Ann met Bob in Rome.", "They had dinner in Rome.", "Ann paid for it.")
    assert proof("Ann met Bob in Rome.", "Whom did Ann meet?", *sentences) == [1]
    assert proof("Ann paid for it.", "Who paid for the dinner?", *sentences) == [3]


def test_the_proof_is_in_reading_order_however_it_was_ranked() -> None:
    evidence = Article(ARTICLE).evidence()
    claim = "Doug Burgum was approved as Secretary of the Interior."
    found = support(claim, "Who was approved as Secretary of the Interior?", evidence[::-1])
    assert [item.sentence for item in found.proof] == [2, 3]


def test_the_title_tells_what_a_sentence_is_about() -> None:
    sentences = ["The first building stands in Texas."]
    about = Article(sentences, title="Stargate").evidence()
    claim, question = "Stargate has its first building in Texas.", "Where is Stargate built?"
    assert support(claim, question, about).proof == tuple(about)
    assert support(claim, question, Article(sentences, title="Bees").evidence()).proof == ()


def test_the_context_begins_with_the_sentence_before_the_proof() -> None:
    """So that a judge knows who "him" is."""
    evidence = Article(ARTICLE).evidence()
    found = support("A COVID test kept him away.", "What kept Altman away?", evidence)
    assert found.context == f"{ARTICLE[3]} {ARTICLE[4]}"
    alone = support("A COVID test kept him away.", "What kept Altman away?", evidence[3:])
    assert alone.context == found.context


def test_a_better_proof_has_higher_numbers() -> None:
    question = "How long did Altman speak with Trump?"
    close = support("Altman spoke with Trump for 25 minutes.", question, Article([CALL]).evidence())
    loose = support("Altman chatted for 25 minutes.", question, Article([CALL]).evidence())
    assert close.proof and loose.proof
    assert 0 <= loose.coverage < close.coverage <= 1
    assert loose.similarity < close.similarity
    assert 0 <= close.focus <= 1


# What is not


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        # a number that no sentence has
        ("How long did they talk?", "Altman spoke with Trump for 35 minutes."),
        ("How long did they talk?", "Altman spoke with Trump for 2 hours."),
        ("How long did they talk?", "Altman spoke with Trump for thirty minutes."),
        ("How large is Stargate?", "Stargate is a project of up to $5000 billion."),
        ("How large is Stargate?", "Stargate is a project of up to $50 billion."),
        # the number, but of something else
        ("How large is Stargate?", "Stargate is a project of up to $500 million."),
        ("How long did they talk?", "Altman spoke with Trump for 25 hours."),
        ("How long did they talk?", "Altman spoke with Trump for 25 long hours."),
        # a name or a quotation
        ("Whom did Altman speak with?", "Altman spoke with Biden for 25 minutes."),
        ("Who spoke with Trump?", "Zuckerberg spoke with Trump for 25 minutes."),
        ("Who spoke with Trump?", "Sam Zuckerberg spoke with Trump for 25 minutes."),
        ("Who arranged the call?", "A “close friend” arranged the call with Altman."),
        ("Who arranged the call?", 'A "mutual friend" arranged the call with Altman.'),
        ("Who is the CEO of Apple?", "Tim Cook."),
        ("Who is the CEO of Apple?", "Tim Cook is the CEO of Apple."),
        # its parts in sentences that have nothing to do with each other
        ("What did MGX invest?", "MGX invested $500 billion."),
        ("What did MGX invest?", "MGX invested $500 billion in Stargate."),
        ("Who became Secretary of the Interior?", "MGX became Secretary of the Interior."),
        # the other way round
        ("Did Altman speak with Trump?", "Altman did not speak with Trump."),
        ("Who spoke with Trump?", "Altman never spoke with Trump."),
        ("Who spoke with Trump?", "Altman didn't speak with Trump."),
        ("Who spoke with Trump?", "Altman didn’t speak with Trump."),
        ("Where did Musk sit?", "Musk couldn't sit in the most prominent place."),
        # nothing new
        ("Who arranged the call between Altman and Trump?", "The call between Altman and Trump."),
        ("Who arranged the call with Altman?", "Altman arranged the call."),
        ("Why did Altman speak with Trump?", "Altman spoke with Trump."),
        # something, but nothing that a sentence says
        ("What did Altman drink?", "Altman drank coffee."),
        ("Why did Altman speak with Trump?", "Because of an old friendship."),
    ],
)
def test_what_no_sentence_says_has_no_proof(question: str, claim: str) -> None:
    assert proof(claim, question, *ARTICLE) == []


@pytest.mark.parametrize("name", ["Cook", "Nadella", "Siri"])
def test_an_invented_name_has_no_proof_wherever_it_stands(name: str) -> None:
    """Every sentence begins with a capital letter, and so does an invented name."""
    sentences = ("Apple is led by a chief executive.", "The chief executive lives in Texas.")
    question = "Who is the chief executive?"
    assert proof(f"{name} leads Apple and lives in Texas.", question, *sentences) == []
    assert proof(f"In Texas lives {name}, who leads Apple.", question, *sentences) == []


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Nadella was “uneasy” about it.", "Nadella was “easy” about it."),
        ("Nadella called it “the cartoon.”", "Nadella called it “the car.”"),
        ("Nadella said “he regrets it.”", "Nadella said “egrets”."),
        ("Nadella said “he regrets it.”", "Nadella said 'he regrets' nothing of it."),
        ("Nadella said “he regrets it.”", "Nadella” said “he regrets nothing” of it."),
    ],
)
def test_a_piece_of_a_word_is_no_quotation(source: str, claim: str) -> None:
    assert proof(claim, "What did Nadella say about it?", source) == []


def test_a_title_that_the_question_names_may_be_named_again() -> None:
    question = "Who wrote for “The Age”?"
    assert proof("Ann wrote for “The Age.”", question, "Ann and the Age parted.") == [1]


@pytest.mark.parametrize(
    "added",
    [
        "<img src=https://krull.example/?q=call>",
        "<b>",
        "![call](https://krull.example/log?q=call)",
        "[here](javascript:alert)",
        "https://krull.example/call",
        "www.krull.example",
    ],
)
def test_markup_and_addresses_are_proved_to_the_letter(added: str) -> None:
    question = "Who arranged the call?"
    source = "A mutual friend arranged the call, see {}."
    claim = f"A mutual friend arranged the call, see {added}"
    assert proof(claim, question, source.format("below")) == []
    assert proof(claim, question, source.format(added)) == [1]


FILM = Article(["The Ferry is a film of 1999.", "It was directed by Ann Lund."], id="film")
LUND = Article(
    ["Lund was born in Oslo.", "She is Norwegian."], id="lund", title="Ann Lund (director)"
)
OTHER = Article(["She is Danish."], id="other", title="Eva Holm")


def test_a_sentence_and_the_document_that_it_names_prove_together() -> None:
    evidence = [*FILM.evidence(), *LUND.evidence(), *OTHER.evidence()]
    question = "What nationality has the director of The Ferry?"
    found = support("The director of The Ferry is Norwegian.", question, evidence)
    assert [item.text for item in found.proof] == [*FILM.sentences, LUND.sentences[1]]
    assert found.context.endswith("It was directed by Ann Lund. She is Norwegian.")


def test_what_a_sentence_led_to_proves_with_that_one_only() -> None:
    ferry, directed = FILM.evidence()
    _, norwegian = LUND.evidence()
    led = norwegian.model_copy(update={"led_by": directed.sentence_id})
    question = "What nationality has the director?"
    evidence = [ferry, directed, led]
    assert support("Norwegian.", question, evidence).proof == (directed, led)
    assert support("Norwegian.", question, [ferry, directed, norwegian]).proof == (norwegian,)
    about = terms("The Ferry")
    assert with_antecedents((led,), "", about, evidence) == (ferry, directed, led)
    assert with_antecedents((directed, led), "", [], evidence) == (directed, led)


def test_a_document_that_no_sentence_names_proves_nothing_with_another() -> None:
    evidence = [*FILM.evidence(), *OTHER.evidence()]
    question = "What nationality has the director of The Ferry?"
    assert not support("The director of The Ferry is Danish.", question, evidence).proof


def test_neighbours_in_different_documents_prove_nothing_together() -> None:
    first = Article(["It rained.", "MGX joined the project."], id="one").evidence()
    second = Article(["It rained.", "It rained.", "They spent $500 billion."], id="two").evidence(3)
    found = support("MGX spent $500 billion.", "What did MGX spend?", first + second)
    assert found.proof == ()


def test_nothing_offered_proves_nothing() -> None:
    found = support("Ann met Bob.", "Whom did Ann meet?", [])
    assert found.proof == ()
    assert found.reason


@pytest.mark.parametrize(
    ("claim", "question"),
    [
        ("Altman spoke with Biden for 25 minutes.", "Whom did Altman speak with?"),
        ("Altman arranged the call.", "Who arranged the call?"),
        ("The call.", "Who made the call?"),
        ("He called a “close friend”.", "Whom did he call?"),
        ("Altman never spoke with Trump.", "Who spoke with Trump?"),
        ("Altman spoke with Trump.", "How long did Altman speak with Trump?"),
    ],
)
def test_the_reason_is_words(claim: str, question: str) -> None:
    reason = support(claim, question, Article(ARTICLE).evidence()).reason
    assert reason is not None
    assert len(reason.split()) > 3


# Whoever did it


@pytest.mark.parametrize(
    "claim", ["Ann arranged the call.", "Ann.", "Ann arranged the call with Bob.", "Bob did."]
)
def test_the_subject_is_not_the_agent(claim: str) -> None:
    source = "In a call arranged by a friend, Ann spoke with Bob."
    assert proof(claim, "Who arranged the call?", source) == []


@pytest.mark.parametrize("claim", ["A friend arranged the call.", "A friend.", "It was a friend."])
def test_the_agent_of_a_passive_has_a_proof(claim: str) -> None:
    source = "In a call arranged by a friend, Ann spoke with Bob."
    assert proof(claim, "Who arranged the call?", source) == [1]


def test_a_subject_that_did_something_else_is_proved() -> None:
    source = "In a call arranged by a friend, Ann spoke with Bob."
    assert proof("Ann spoke with Bob.", "Who spoke with Bob?", source) == [1]


# Whatever is claimed

words = st.sampled_from(
    [
        *("Altman", "Trump", "MGX", "Burgum", "Cook", "call", "spoke", "he", "25", "two", "$500"),
        *(
            "billion",
            "not",
            "who",
            "when",
            "by",
            "arranged",
            "friend",
            "“",
            "”",
            '"',
            ".",
            ",",
            "é",
        ),
        *ARTICLE,
    ]
)
texts = st.lists(words, max_size=8).map(" ".join) | st.text(max_size=40)
articles = st.lists(words.filter(lambda text: len(text) > 1), min_size=1, max_size=6)


@given(texts, texts, articles)
@example("Altman spoke with Trump.", "Who spoke with Trump?", list(ARTICLE))
def test_a_proof_is_one_or_two_close_sentences_and_what_they_refer_to(
    claim: str, question: str, sentences: list[str]
) -> None:
    evidence = Article(sentences).evidence()
    found = support(claim, question, evidence)
    assert set(found.proof) <= set(evidence)
    assert (found.reason is None) == bool(found.proof)
    assert len(found.proof) <= 3
    places = [item.sentence for item in found.proof]
    assert places == sorted(set(places))
    assert max(places, default=0) - min(places, default=0) <= 3
    assert 0 <= found.coverage <= 1
    assert 0 <= found.focus <= 1
    assert all(item.text in found.context for item in found.proof)


@given(texts, texts, articles, st.randoms())
def test_how_the_evidence_was_ranked_does_not_decide_whether_there_is_a_proof(
    claim: str, question: str, sentences: list[str], random: "st.Random"
) -> None:
    evidence = Article(sentences).evidence()
    shuffled = random.sample(evidence, len(evidence))
    one, other = (support(claim, question, offered) for offered in (evidence, shuffled))
    assert bool(one.proof) == bool(other.proof)


@given(st.integers(21, 10**6), st.integers(21, 10**6))
def test_a_number_is_proved_by_that_number_alone(stated: int, written: int) -> None:
    question, claim = "How large is Stargate?", f"Stargate is worth {stated:,} dollars."
    source = f"Stargate is worth {written} dollars."
    assert bool(proof(claim, question, source)) == (stated == written)


@pytest.mark.parametrize(
    "long",
    [
        *(". " * 950, "a b " * 475, "“" * 1900, '"a' * 950, "Ann by Bob " * 170, "Ann. " * 380),
        *(
            "-" * 1900,
            ". " * 475 + "a b " * 237,
            "… " * 475 + "Ann " * 237,
            " ." * 475 + "a " * 475,
        ),
    ],
)
def test_the_longest_question_and_as_long_a_claim_are_checked_in_no_time(long: str) -> None:
    text = f"Who {long} arranged the call?"
    evidence = Article(ARTICLE).evidence()
    begun = time.process_time()
    support("A friend arranged the call.", text, evidence)
    support(text, "Who arranged the call?", evidence)
    assert time.process_time() - begun < 1


def test_the_reason_is_what_the_nearest_sentence_lacks() -> None:
    evidence = Article(["Eva slept.", "Tim slept, too.", "Ann met Bob in Rome."]).evidence()
    found = support("Ann met Bob in Rome in 1999.", "Where did Ann meet Bob?", evidence)
    assert (
        found.reason == "the language model's draft says “1999”, which no sentence that fits does"
    )


def test_the_answer_to_a_choice_may_repeat_the_question() -> None:
    question = "Whom did Ann call, Bob or Tim?"
    assert proof("Ann called Tim.", question, "Ann slept.", "Ann called Tim at noon.") == [2]
    assert proof("Ann called Bob.", question, "Ann slept.", "Ann called Tim at noon.") == []


@pytest.mark.parametrize(
    ("claim", "question", "text", "restates"),
    [
        ("Yes, profit fell.", "Did profit fall?", "Profit rose and then fell.", True),
        ("Yes, Ann called Bob.", "Did Ann call Bob?", "Ann called Bob at noon.", True),
        ("No, Ann did not call Bob.", "Did Ann call Bob?", "Ann did not call Bob.", True),
        ("Yes, Ann called Bob at noon.", "Did Ann call Bob?", "Ann called Bob at noon.", False),
        ("No, Ann called Tim.", "Did Ann call Bob?", "Ann called Tim, not Bob.", False),
        ("Ann called Bob.", "Whom did Ann call, Bob or Tim?", "Ann called Bob.", False),
        ("Ann called Bob.", "Whom did Ann call?", "Ann called Bob.", False),
        ("Yes, A is five times slower.", "Is A faster than B?", "A is five times slower.", True),
        ("No, A is five times slower.", "Is A faster than B?", "A is five times slower.", False),
        ("Yes, A is five times faster.", "Is A faster than B?", "A is five times faster.", False),
    ],
)
def test_a_yes_that_says_no_more_than_the_question(
    claim: str, question: str, text: str, restates: bool
) -> None:
    found = support(claim, question, Article([text]).evidence())
    assert found.proof and found.restates == restates


@pytest.mark.parametrize(
    ("claim", "question", "declines"),
    [
        ("No, Ann never swam in Rome.", "Did Ann swim in Rome?", True),
        ("No. Ann never swam.", "Did Ann swim?", True),
        ("No, Ann never swam quickly.", "Did Ann swim in Rome?", False),
        ("Ann never swam in Rome.", "Did Ann swim in Rome?", False),
        ("Yes, Ann never swam in Rome.", "Did Ann swim in Rome?", False),
        ("No, Ann never swam in Rome.", "Where did Ann never swim?", False),
        ("Norway never swam.", "Did Ann swim?", False),
    ],
)
def test_a_no_in_the_words_of_its_proof(claim: str, question: str, declines: bool) -> None:
    found = support(claim, question, Article(["Ann never swam in Rome."]).evidence())
    assert found.declines == declines


def test_a_draft_may_quote_the_title_of_the_document() -> None:
    evidence = Article(["Ann sang it in Oslo."], title="The Ferry").evidence()
    question = "Where did Ann sing Ferry songs?"
    assert support('Ann sang "The Ferry" in Oslo.', question, evidence).proof
    assert not support('Ann sang "A Ferry" in Oslo.', question, evidence).proof


def test_a_claim_that_shares_one_word_with_a_sentence_is_not_proved_by_it() -> None:
    question = "How can I tell that the loaf is baked through?"
    claim = "The loaf is baked through when it is golden brown and has risen to the top of the pan."
    assert proof(claim, question, "Score the loaf once across the top and lower it into it.") == []


def test_each_clause_of_a_claim_must_be_said() -> None:
    said = "Oil the shears and hang them in the shed."
    question = "How are the shears cared for?"
    assert proof("Oil the shears, and hang them in the shed.", question, said) == [1]
    added = "Oil the shears, and then rinse both gloves under running water."
    found = support(added, question, Article([said]).evidence())
    assert (
        found.reason == "no sentence that fits says “then rinse both gloves under running water.”"
    )


# Lists and tables


def listed(*sentences: str) -> list[Evidence]:
    """A list or a table: what stands first introduces the others."""
    first, *others = Article(sentences).evidence()
    return [first, *(it.model_copy(update={"before": (first.text,)}) for it in others)]


FEES = listed("The fees are:", "- adults: 8 euros", "- children: 3 euros", "- dogs: 2 euros")
LANES = listed("| Lane | Depth |\n|---|---|", "| north | 2 m |", "| south | 4 m |")


@pytest.mark.parametrize(
    ("question", "claim", "evidence", "expected"),
    [
        ("What is the fee for dogs?", "Dogs pay a fee of 2 euros.", FEES, [1, 4]),
        (
            "What are the fees?",
            "The fees are 8 euros for adults and 2 euros for dogs.",
            FEES,
            [1, 2, 4],
        ),
        (
            "What are the fees?",
            "The fees are 8 euros for adults, 3 euros for children and 2 euros for dogs.",
            FEES,
            [1, 2, 3, 4],
        ),
        ("How deep is the south lane?", "The south lane has a depth of 4 m.", LANES, [1, 3]),
        ("How deep is the south lane?", "The south lane has a depth of 2 m.", LANES, []),
        ("What are the fees?", "The fees are 8 euros for adults and 5 euros for dogs.", FEES, []),
    ],
)
def test_the_parts_of_a_list_prove_with_what_introduces_them(
    question: str, claim: str, evidence: list[Evidence], expected: list[int]
) -> None:
    assert [item.sentence for item in support(claim, question, evidence).proof] == expected


def test_a_no_may_be_said_in_other_words_than_its_proof() -> None:
    question = "Can I clean the kettle with vinegar?"
    found = support(
        "No, I cannot clean the kettle with vinegar.",
        question,
        Article(["Do not use vinegar: it attacks the seal."]).evidence(),
    )
    assert [item.sentence for item in found.proof] == [1]
    assert found.restates


def test_an_earlier_time_is_told_with_what_it_counts_from() -> None:
    sentences = ["In 1918 Ann Lund returned.", "The baron had died two years earlier."]
    evidence = Article(sentences).evidence()
    stated = terms("The baron died.")
    when = with_antecedents(evidence[1:], "When did the baron die?", stated, evidence)
    assert [item.text for item in when] == sentences
    who = with_antecedents(evidence[1:], "Who had died?", stated, evidence)
    assert [item.text for item in who] == sentences[1:]


STORY = [
    "Solveig Brekke took the wheel.",
    "She had never sat behind one.",
    "She drove to the cliff.",
    "He and Nils Aas met her there.",
    "They drove back.",
]


@pytest.mark.parametrize(
    ("question", "place", "named"),
    [
        ("Who drove to the cliff?", 3, 1),  # two sentences back
        ("Who had never sat behind a wheel?", 2, 1),
        ("Who drove back?", 5, 4),
        ("Who met her?", 4, None),  # he is not alone, and has a name beside him
        ("Who took the wheel?", 1, None),
        ("When did she drive to the cliff?", 3, None),
    ],
)
def test_asked_who_it_is_said_who_she_is(question: str, place: int, named: int | None) -> None:
    evidence = Article(STORY).evidence()
    found = who_is_meant(question, evidence[place - 1], evidence)
    assert found == (None if named is None else evidence[named - 1])


def test_who_she_is_may_not_have_been_offered() -> None:
    evidence = Article(STORY).evidence()
    assert who_is_meant("Who drove to the cliff?", evidence[2], evidence[1:]) is None

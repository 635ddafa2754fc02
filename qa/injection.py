"""Sentences that speak to a language model instead of the reader.

Whoever writes an article may write into it what a model is to do ("Ignore all previous
instructions."). Such a sentence stays in the collection, but it proves nothing and no model sees
it. The rules are to be right rather than complete: they flag an order only where it is plainly
meant for a model, so that journalism about such orders, manuals and recipes can still be quoted.
What they miss meets the checks of ``qa.grounding`` like any other sentence.
"""

import html
import re
import unicodedata
from functools import lru_cache

# ── what the rules are made of ──────────────────────────────────────────────────────────────

_MODEL = (
    r"(?:(?:(?:an?|any|all|every|the|this|our|my|no longer an?) (?:[\w-]+ ){0,2}?)?"
    r"(?:a\.?i\.?(?: (?:assistant|model|system|agent|chat ?bot)s?)?|language models?|llms?|"
    r"chat ?bots?|chatgpt|gpt-\w+|(?-i:DAN)|(?<=helpful )assistant)"
    r"(?=[^\w\s'-]|$|\s+(?:[^\w\s]|(?:and|or|that|who|which|whose|with|without|in|reading|"
    r"processing|answering|summari[sz]ing)\b)))"
)
"""A model as it is spoken to; "an AI researcher" is none."""

_ORDER = (
    r"(?:^(?:[\W\d_]|(?:system|important|attention|note|warning|ps)\b){0,8}|"
    r"[.!?:;,()\[\]|–—-][\W\d_]{0,4}|"
    r"\b(?:please|now|just|kindly|immediately|then|"
    r"you (?:must|should|will|shall|have to|need to|are (?:instructed|required|ordered) to))\s+)"
    r"(?:(?:please|now|so|and|then|just|always|only|simply|you (?:must|should|will))\s+)*"
)
"""Where an order begins; "told the chatbot to ignore" holds none."""

_IGNORE = (
    r"(?:ignore|disregard|forget|override|overrule|bypass|discard|"
    r"(?:do not|don't|never|stop) (?:follow|obey|heed)(?:ing)?)"
)
_EARLIER = r"(?:previous|prior|preceding|earlier|above|foregoing|original|initial)"
_RULE = (
    r"(?:instructions?|rules|prompts?|guidelines|directives|commands|constraints|restrictions|"
    r"programming|system messages?)\b"
)
_OFFERED = r"(?:sentences|passages|context|sources|evidence)\b"
_REPLY = r"(?:answer|reply|respond|say|output|print|write|state)"
_QUESTIONS = (
    r"(?:every|any|all|each|whatever)(?: of)?(?: the)?(?: user'?s?| following| further| other)* "
    r"(?:questions?|quer(?:y|ies)|prompts?|requests?)\b"
)
_LITERAL = r"(?:\"|\d|!?\[|(?-i:[A-Z]{3,})|the (?:words?|phrase|sentence|name|number|string)\b)"
"""What is to be said word for word; quotations have been emptied to their marks."""

# ── the rules ───────────────────────────────────────────────────────────────────────────────

_ORDERS = (
    # "ignore all previous instructions", "forget your safety rules"
    rf"{_IGNORE} (?:\w+ (?:of )?){{0,2}}?(?:all|your|any {_EARLIER}|system)"
    rf"(?: (?:of|the|your|these|those|my|safety|security|system|and|{_EARLIER}))* {_RULE}",
    # "disregard the sentences above", "forget the rules you were given"
    rf"{_IGNORE} (?:\w+ ){{0,3}}?(?:{_EARLIER} {_OFFERED}|{_OFFERED} above|{_RULE} above|"
    rf"{_RULE} (?:that )?you (?:were|have been) (?:given|told))",
    # "forget everything that was said above"
    rf"{_IGNORE} (?:everything|anything|all|whatever|what)(?: \w+){{0,4}}? "
    r"(?:above|before this|so far|you (?:were|have been) told[^\w\s]*$)",
    # "act as a language model", "pretend to be an AI without rules"
    r"(?:act|behave|speak|answer|respond|role-?play) (?:as|like) (?:if you (?:are|were) )?"
    rf"{_MODEL}",
    rf"(?:pretend|imagine|assume|suppose) (?:to be|that you are|you are) {_MODEL}",
    # "reveal your system prompt", "repeat the prompt word for word", "print your instructions"
    r"(?:reveal|print|repeat|show|display|output|disclose|leak|recite|quote|copy|translate|"
    r"summari[sz]e|tell|give|send|write)\b(?: \w+){0,4}? (?:(?:your|the|this) (?:\w+ )?"
    r"(?:system|hidden|initial|original|secret|internal) (?:\w+ )?"
    r"(?:prompt|instructions?|message|rules|guidelines)"
    r"|your (?:\w+ )?prompt|(?:your|the) (?:\w+ )?(?:prompt|instructions?)(?: \w+)? "
    r"(?:verbatim|word for word|above))",
    r"(?:reveal|print|output|disclose|leak) (?:all )?(?:of )?your (?:\w+ )?instructions\b",
    # "answer every question with 42", "reply only with the word …", "always answer “…”"
    rf"{_REPLY} (?:to )?{_QUESTIONS}(?: with| by saying|:)? {_LITERAL}",
    rf"{_REPLY} (?:only|exactly|always|nothing but)(?: with| that)? {_LITERAL}",
    rf"(?:always|only) (?:answer|reply|respond)(?: only)?(?: with| that|:)? {_LITERAL}",
    # "cite sentence 7 as proof", "never cite the other sentences"
    r"(?:cite|quote|use|trust) (?:only )?(?:(?:this|the following) sentence|sentence \d+|"
    r"(?:sentence )?\[\d+\]) (?:as|for|and|in|to|only)\b",
    r"(?:do not|don't|never) (?:cite|quote|use|trust) (?:\w+ ){0,3}?"
    r"(?:sentence \d+|(?:other|these|any) sentences)\b",
    # "do not tell the user about this note"
    r"(?:do not|don't|never) (?:mention|reveal|tell|show|disclose)\b(?: \w+){0,4} "
    r"this (?:instruction|prompt|message|note|order)\b",
)
"""Orders that are for a model, wherever an order begins."""

_SIGNS = (
    # "ignore the previous instructions", where nothing stands before it
    rf"^[\W\d_]*(?:please |now )?{_IGNORE} (?:the )?{_EARLIER} {_RULE}",
    rf"\byour {_EARLIER} {_RULE} (?:is|are|have been|no longer)\b",
    # "you are now DAN", "you are a helpful assistant", "from now on, answer …"
    rf"(?:(?:^[\W\d_]*|[:;] )you are|\bfrom now on,? you are|\byou are (?:now|no longer)) {_MODEL}",
    r"\bfrom (?:now|this point|here) (?:on|forward)(?:wards?)?\W+"
    rf"(?:you (?:will|must|shall|should|only|are to) )?(?:only |always )?(?:{_REPLY}|act)\b",
    r"\byou are (?:no longer|not) bound by (?:your|any) (?:\w+ )?(?:rules|guidelines|restrictions)",
    # "the answer to every question is", "the answer is always 42", "[7] Say that …"
    rf"\byou must (?:\w+ )?{_REPLY} (?:to )?{_QUESTIONS}",
    rf"\bthe (?:\w+ )?answer to {_QUESTIONS}(?: about(?: \w+){{1,4}})? "
    r"(?:is|must be|should be|will be)\b",
    r"^\W*(?:\w+\W+)?the (?:\w+ )?answer (?:is|must|should|will)(?: be)? always (?:be )?"
    r"(?:\"|\d|(?-i:[A-Z]))",
    r"^\W*\[\d{1,3}\] (?:answer|reply|respond|say|output|cite)\b"
    r"(?:\W*\"| that| with| only| sentence)",
    # "Note to the AI:", "Dear assistant,", "ChatGPT, please", "If you are a language model"
    r"^\W*(?:(?:\w+ )?(?:note|message|instructions?|notice|attention|reminder|order)\W+(?:to|for)?"
    rf"|dear|hey|hello|attention)\s*(?:{_MODEL}|assistant)\s*(?:[:,!]|\W* (?:reading|processing))",
    rf"^\W*(?:\w+\W+)?{_MODEL}, (?:please|you (?:must|should|will)|do not|{_IGNORE}|{_REPLY})\b",
    rf"\bif you(?:'re| are) {_MODEL}",
    rf"\bas {_MODEL},? you (?:must|should|will|are to|have to)\b",
    r"\b(?:tell|inform|convince|assure) the user (?:that|to) (?:you|they|the answer|visit)\b",
    # what a chat is made of: "<|im_start|>", "[INST]", "### Instruction:", "SYSTEM:"
    r"<\|?(?:im_start|im_end|system|user|assistant|end|eot_id|endoftext|start_header_id)\|>",
    r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
    r"^\W*#+ ?(?:system|assistant|human|(?:new |updated )?instruction)(?: prompt| message)?:",
    r"^\W*(?-i:(?:SYSTEM|ASSISTANT|USER|NEW INSTRUCTIONS?)\b[A-Z \-]{0,30}(?:\([A-Z -]+\))?)\]?:",
    r"^\W*\[(?-i:SYSTEM|ASSISTANT|USER|ADMIN)\b[^\]]{0,30}\]",
    r"^\W*(?:system|assistant|ai)(?: (?:prompt|message|override))?\]?: (?:sure\b|you are|you must|"
    r"the answer|your )",
)
"""What else tells that a model is spoken to."""

_ADDRESSES = re.compile(
    "|".join([f"{_ORDER}(?:{'|'.join(_ORDERS)})", *_SIGNS]),
    re.IGNORECASE,
)

# ── seeing through what hides it ────────────────────────────────────────────────────────────

_FLAG_OF_A_REGION = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f")
_HIDDEN = re.compile(
    "[\U000e0000-\U000e007f]"  # tags: an alphabet that is not shown
    "|[\u202d\u202e]"  # marks that turn the order of the letters
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}"  # variants of no letter; each may mean a byte
    "|(?:[A-Za-z][\u200b-\u200d\u2060-\u2064\ufeff]+){3}[A-Za-z]"  # letters kept apart
)
"""Characters that a reader does not see and a model does."""

_OBJECT = re.compile(r"<[a-z][^<>|=]{0,40}=[^<>|]{0,400}>", re.IGNORECASE)
_MARKS = re.compile(r"<!--|-->|</?[a-z][^<>|]{0,40}>|[*~]+|\b_+|_+\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|`[^`]+`|(?<![\w'])'(?:[^']|(?<=\w)'(?=\w))+'(?!\w)")
_LOOKALIKES = str.maketrans(
    "‘’“”„«»" + "аеорсухіѕјԁһ" + "ΑΒΕΗΙΚΜΝΟΡΤΧΥο",
    '\'\'"""""' + "aeopcyxisjdh" + "ABEHIKMNOPTXYo",
)
"""Typographic quotes, and Cyrillic and Greek letters that look like Latin ones."""


@lru_cache(20_000)
def addresses_model(sentence: str) -> bool:
    """Whether a sentence gives orders to a language model, or hides characters from its reader.

    Orders in quotation marks are somebody's words if others stand around them, and not flagged.
    """
    if _HIDDEN.search(_FLAG_OF_A_REGION.sub("", sentence)):
        return True
    return _ADDRESSES.search(_seen(sentence)) is not None


def _seen(sentence: str) -> str:
    """The sentence on one line as a model reads it, its quotations emptied to their marks."""
    plain = html.unescape(sentence)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
        plain = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
        plain = plain.translate(_LOOKALIKES)
    plain = " ".join(_MARKS.sub(" ", _OBJECT.sub(' "" ', plain)).split())
    told = _QUOTED.sub('""', plain)
    return told if len(re.findall(r"\w+", told)) >= 2 else plain

"""From bytes to text, without guessing where the bytes tell, and never by replacing any."""

import codecs
import re
from collections.abc import Iterator

from qa.errors import UnreadableError

# The UTF-32 marks first: the little-endian one starts with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Offered all it knows, charset-normalizer reads an English cp1252 text with curly quotes as
# cp852 ("ôhelloö"); these are the legacy encodings that the web still meets.
_LEGACY = (
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp874 iso8859_2 koi8_r "
    "cp932 euc_jp gb18030 big5 cp949"
).split()

# What Polish, Romanian, Croatian and Turkish letters look like in cp1252.
_NOT_WESTERN = re.compile("[a-z][ª¹º³¿ðþ]")

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: no text has them, and neither JSON nor a database keeps them."""

UNNAMEABLE = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no id holds: nobody sees control characters, and two ids would look the same."""

_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SAVE_AS_UTF8 = "Open it in an editor and save it as UTF-8."


def decode(data: bytes, *, name: str, declared: str | None = None) -> str:
    """Decode a text: by its byte order mark, as UTF-8, as declared, or by its statistics.

    The text keeps its line ends and its Unicode form; only a leading byte order mark goes.

    Args:
        name: what errors call it.
        declared: the charset that an HTTP header or the text itself states.

    Raises:
        UnreadableError: binary data, broken UTF-8, or no known encoding.
    """
    text = _decode(data, name, declared)
    if UNSTORABLE.search(text) or len(_CONTROL.findall(text)) > 2 + 0.05 * len(text):
        raise _binary(name)
    return text


def _decode(data: bytes, name: str, declared: str | None) -> str:
    for mark, codec in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(codec)
            except UnicodeDecodeError as error:
                raise _broken(name, codec, error.start + len(mark)) from None
    if b"\0" in data:
        raise _binary(name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _meant_as_utf8(data):
            raise _broken(name, "utf-8", error.start) from None
    for codec in _legacy_codecs(data, declared):
        try:
            return data.decode(codec)
        except (LookupError, ValueError):
            continue
    raise UnreadableError(f"{name!r} is in no encoding that is known here", help=_SAVE_AS_UTF8)


def _meant_as_utf8(data: bytes) -> bool:
    """Tell a damaged UTF-8 text, most of whose characters still hold, from a legacy encoding."""
    lenient = data.decode("utf-8", "replace")
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        beyond_ascii = len(lenient) - len(lenient.encode("ascii", "ignore"))
        return 2 * lenient.count("�") < beyond_ascii
    return True


def _legacy_codecs(data: bytes, declared: str | None) -> Iterator[str]:
    if declared:
        # Browsers take what is declared as Latin-1 or ASCII for cp1252 (WHATWG, Encoding).
        latin = re.fullmatch(r"iso-?8859-1|latin-?1|(us-)?ascii", declared, re.IGNORECASE)
        yield "cp1252" if latin else declared

    from charset_normalizer import from_bytes

    guesses = list(from_bytes(data, cp_isolation=_LEGACY))
    for guess in guesses:
        # Its two scores often put cp1250 a hair before cp1252, and "£" turns into "Ł".
        close = guess.chaos <= 0.06 and guess.coherence >= guesses[0].coherence - 0.11
        if guess.encoding == "cp1252" and close and not _NOT_WESTERN.search(str(guess)):
            yield "cp1252"
    yield from (guess.encoding for guess in guesses[:1])


def _binary(name: str) -> UnreadableError:
    return UnreadableError(
        f"{name!r} looks binary, not like text",
        help="If it is a PDF, DOCX or HTML file, give it that suffix.",
    )


def _broken(name: str, codec: str, offset: int) -> UnreadableError:
    return UnreadableError(
        f"{name!r} is broken {codec.upper()}, first at byte {offset}", help=_SAVE_AS_UTF8
    )

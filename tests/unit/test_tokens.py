import hashlib
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from qa.tokens import ENCODING, count_tokens

PUBLISHED_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Of cl100k_base.tiktoken, as tiktoken itself checks it after the download."""

OFFLINE = """
import socket

def refuse(*args, **options):
    raise SystemExit(f"asked the network for {args}")

socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
from qa.tokens import count_tokens
print(count_tokens("tiktoken is great!"))
"""


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("hello world", 2),
        ("tiktoken is great!", 6),  # the example of OpenAI's cookbook
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 9),
    ],
)
def test_counts_are_those_of_cl100k_base(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_special_tokens_count_as_plain_text() -> None:
    assert count_tokens("<|endoftext|>") == 7


@given(st.text())
def test_any_text_can_be_counted(text: str) -> None:
    assert count_tokens(text) <= len(text.encode())
    assert (count_tokens(text) == 0) == (text == "")


def test_the_vocabulary_is_the_published_one() -> None:
    encoding = tiktoken.get_encoding(ENCODING)
    lines = (
        b64encode(encoding.decode_single_token_bytes(rank)) + b" %d\n" % rank
        for rank in range(100_256)
    )
    assert hashlib.sha256(b"".join(lines)).hexdigest() == PUBLISHED_SHA256


def test_no_network_and_no_cache_are_needed(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("6\n", "")

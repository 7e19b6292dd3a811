"""Cleaning, markup, folding with its way back, language."""

from __future__ import annotations

import itertools
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import text as texts
from monitor.text import (
    clean_title,
    detect_language,
    fold,
    is_word_character,
    strip_markup,
    unify,
    without_secrets,
)

TRICKY = (
    " \t\n\u3000\u00a0aZſßıİéÅｱﾞﾊﾟカ゛가각\u1100\u1161\u11a8ﬁ㎡…①½🇨🇳👨\u200d👩🏽❤\ufe0f🏴"
    "\U000e0067\U000e007f\u0300\u0301\u0327\u0338\u0344\u3099\u093c\u0958\u09be\u200b\u200c\u202e"
    "\ufeff\x00\x08\x1f\x7f\x85\ud800\udfffＡ５（）：，漲停臺灣著苹果\U00020000\U0001d160"
)
titles = st.text(st.sampled_from(TRICKY) | st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  苹果\n\t发布\u3000新品 ", "苹果 发布 新品"),
        ("a\x00b\x08c\x0bd", "abc d"),
        ("\u202e反\u202c转\u2066x\u2069", "反转x"),
        ("零\u200b宽\ufeff", "零宽"),
        ("a\u200db", "ab"),
        ("全家👨\u200d👩\u200d👧来", "全家👨\u200d👩\u200d👧来"),
        ("爱❤\ufe0f\u200d🔥", "爱❤\ufe0f\u200d🔥"),
        ("🏴\U000e0067\U000e0062\U000e007f x\U000e0067", "🏴\U000e0067\U000e0062\U000e007f x"),
        ("半\ud83d个", "半个"),
        ("e\u0301", "é"),
        ("z" + "\u0301" * 1_000, "ź" + "\u0301" * 4),
    ],
)
def test_clean_title(raw: str, clean: str) -> None:
    assert clean_title(raw) == (clean, False)


@pytest.mark.parametrize(
    ("raw", "limit", "cut"),
    [
        ("苹果发布新品", 4, "苹果发布"),
        ("abc def", 4, "abc"),
        ("ab👨\u200d👩\u200d👧c", 4, "ab"),
        ("abe\u0331x", 3, "ab"),
        ("a🇨🇳🇯🇵", 4, "a🇨🇳"),
        ("ab👍🏽", 3, "ab"),
    ],
)
def test_a_cut_splits_no_visible_character(raw: str, limit: int, cut: str) -> None:
    assert clean_title(raw, limit) == (cut, True)


@given(titles, st.integers(1, 70))
def test_clean_title_is_safe_and_stable(raw: str, limit: int) -> None:
    clean, cut = clean_title(raw, limit)
    assert clean_title(clean, limit) == (clean, False)
    assert len(clean) <= min(limit, len(unicodedata.normalize("NFC", raw)))
    assert cut == (len(clean_title(raw, 10_000)[0]) > limit)
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip()
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in clean)
    assert not set(clean) & set("\u202e\u200b\ufeff\u2028")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<b>苹果</b>发布", "苹果发布"),
        ("一<br/>二<p class='x'>三</p>", "一 二 三 "),
        ("AT&amp;T &lt;b&gt;", "AT&T <b>"),
        ("&amp;lt;", "&lt;"),
        ("3 < 5 > 2 <3", "3 < 5 > 2 <3"),
        ("A<", "A<"),
        ('<img alt="a > b" src=x>后', "后"),
        ("<script>alert('x')</script>题", "题"),
        ("<STYLE>p{}</style >题", "p{}题"),
        ("甲<!-- 乙 <b> -->丙", "甲丙"),
        ("<![CDATA[标题]]>", "标题"),
        ("<a href='x' 没有结尾", "<a href='x' 没有结尾"),
        ("&#x41;&#66;&hellip;", "AB…"),
        (f"&#{'0' * 5_000}65;&#00000000066;C", "ABC"),
        (f"&#{'1' * 5_000}A &#0; &#1114112;", "\ufffdA \ufffd \ufffd"),
    ],
)
def test_strip_markup(raw: str, text: str) -> None:
    assert strip_markup(raw) == text


@pytest.mark.parametrize(
    "piece", ["<", "<a", '<a ="', "<a ='\"", "<!--", "<script>", "<a b=\"<c d='", "&amp", "&#1"]
)
def test_hostile_31_titles_cost_linear_time(piece: str) -> None:
    started = time.perf_counter()
    clean, cut = clean_title(strip_markup(piece * (1_000_000 // len(piece))))
    assert time.perf_counter() - started < 20
    assert len(clean) <= 1_000
    assert cut or len(clean) < 1_000


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@a.example/rss?id=7#x", "https://a.example/rss?id=7#x"),
        (
            "https://a.example/?feed_token=abc&channel=sports",
            "https://a.example/?feed_token=…&channel=sports",
        ),
        ("https://a.example/?x=8fd2c0a97b1e44e6a3d0f1&y=1", "https://a.example/?x=…&y=1"),
        (
            "https://a.example/?q=a-very-long-list-of-plain-words",
            "https://a.example/?q=a-very-long-list-of-plain-words",
        ),
    ],
)
def test_what_an_address_shows(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_hostile_31_combining_marks_and_long_titles() -> None:
    assert clean_title("e" + "\u0301" * 1_000_000)[0] == "é" + "\u0301" * 4
    for size in (100_000, 1_000_000):
        clean, cut = clean_title("题" * size)
        assert (len(clean), cut) == (1_000, True)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＡＩ　芯片，５０％", "ai 芯片,50%"),
        ("漲停 臺灣 裏裡", "涨停 台湾 里里"),
        ("Café NAÏVE e\u0301", "cafe naive e"),
        ("STRASSE straße", "strasse strasse"),
        ("ｶﾞｷﾞ ﾊﾟ", "ガギ パ"),
        ("㎡ﬁ…", "m2fi..."),
        ("a \u200b b\u200bc", "a bc"),
        ("\ud800", "\ufffd"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_folding_a_folded_character_changes_nothing() -> None:
    for form in (fold, unify):
        once = [form(chr(code)).text for code in range(0x10000)]
        assert [form(text).text for text in once] == once


def test_unify_keeps_case_and_accents() -> None:
    assert unify("Ｃafé 漲５％").text == "Café 涨5%"


def test_offsets_lead_back_to_the_title() -> None:
    title = "约㎡ ｶﾞ\u3000\u3000e\u0301漲"
    folded = fold(title)
    assert folded.text == "约m2 ガ e涨"
    places = {char: title[slice(*folded.span(at, at + 1))] for at, char in enumerate(folded.text)}
    assert places == {
        "约": "约",
        "m": "㎡",
        "2": "㎡",
        " ": "\u3000\u3000",
        "ガ": "ｶﾞ",
        "e": "e\u0301",
        "涨": "漲",
    }


def test_an_accent_that_stands_alone_widens_no_span() -> None:
    for title, word in (("Rock ´n´ Roll live", "roll"), ("央行 ¨降准¨ 快讯", "央行")):
        folded = fold(title)
        at = folded.text.index(word)
        assert title[slice(*folded.span(at, at + len(word)))].lower() == word


@given(titles)
def test_offsets_are_monotone_and_within_bounds(title: str) -> None:
    for folded in (fold(title), unify(title)):
        offsets = folded.offsets
        assert len(offsets) == len(folded.text)
        assert all(0 <= start < end <= len(title) for start, end in offsets)
        pairs = list(itertools.pairwise(offsets))
        assert all(one == two or one[1] <= two[0] for one, two in pairs)


@given(titles)
def test_a_span_holds_what_it_came_from(title: str) -> None:
    folded = fold(title)
    for at, char in enumerate(folded.text):
        start, end = folded.span(at, at + 1)
        assert char in fold(title[start:end]).text


@given(titles)
def test_folding_forgets_what_unify_forgets(title: str) -> None:
    assert fold(unify(title).text).text == fold(title).text


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x9FFF), max_size=40))
def test_case_and_composition_do_not_matter(title: str) -> None:
    assert fold(unicodedata.normalize("NFC", title)).text == fold(title).text
    assert fold(unicodedata.normalize("NFD", title)).text == fold(title).text


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("央行宣布降准", "zh"),
        ("Fed 降息", "zh"),
        ("优の良品上市", "zh"),
        ("日銀が利上げ", "ja"),
        ("삼성전자 실적", "ko"),
        ("美 금리 인하", "ko"),
        ("Rate cut", "en"),
        ("Ｒａｔｅ", "en"),
        ("123 ...", "und"),
        ("Москва", "und"),
        ("", "und"),
    ],
)
def test_detect_language(title: str, language: str) -> None:
    assert detect_language(title) == language


def test_word_characters() -> None:
    assert all(map(is_word_character, "aZ9éßΩжԱ"))
    assert not any(map(is_word_character, "_-苹カ가 ，ก"))


def test_blocks_taken_for_unmarked_hold_no_mark() -> None:
    taken = (chr(number) for number in range(0x110000) if texts._UNMARKED(chr(number)))
    assert not [char for char in taken if unicodedata.category(char)[0] == "M"]

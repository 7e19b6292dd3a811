"""Charsets: what a document is written in, whatever it and its server say."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import feed
from monitor.sources.clean import _ORDINARY
from monitor.sources.decode import codec_name, decode
from monitor.text import clean_title

SIMPLIFIED = [
    "国务院召开常务会议部署稳外贸工作",
    "沪指收盘上涨百分之一，两市成交过万亿",
    "国产大飞机完成首次商业飞行",
]
TRADITIONAL = [
    "行政院會討論明年度總預算案",
    "臺北股市收盤上漲，電子類股領軍",
    "颱風來襲，氣象局發布海上警報",
]
JAPANESE = ["日本銀行は金融政策の維持を決定した", "東京で新しい地下鉄の路線が開業へ"]
KOREAN = ["정부는 내년도 예산안을 발표했다", "서울 지하철 새 노선이 개통되었다"]
RUSSIAN = ["Правительство утвердило новый бюджет", "В Москве открылась новая станция метро"]


def document(titles: list[str], declared: str | None = None) -> str:
    declaration = f' encoding="{declared}"' if declared else ""
    items = "".join(f"<item><title>{title}</title></item>" for title in titles)
    return f'<?xml version="1.0"{declaration}?><rss version="2.0"><channel>{items}</channel></rss>'


def titles_of(body: bytes, header: str | None = None) -> list[str]:
    parsed = feed.parse(body, url="http://p.example/", charset=header)
    return [entry.title for entry in parsed.entries]


CHINESE = [
    ("gb2312", SIMPLIFIED),
    ("gbk", SIMPLIFIED),
    ("gb18030", SIMPLIFIED),
    ("big5", TRADITIONAL),
]


@pytest.mark.parametrize(("charset", "titles"), CHINESE)
@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1", "gb2312", "big5", "bogus"])
@pytest.mark.parametrize("header", [None, "utf-8", "iso-8859-1", "gbk", "big5"])
def test_hostile_24_chinese_survives_every_label(
    charset: str, titles: list[str], declared: str | None, header: str | None
) -> None:
    assert titles_of(document(titles, declared).encode(charset), header) == titles


def test_hostile_24_utf8_labelled_gb2312() -> None:
    body = document(SIMPLIFIED, "gb2312").encode()
    parsed = feed.parse(body, url="http://p.example/", charset="gbk")
    assert [entry.title for entry in parsed.entries] == SIMPLIFIED
    assert parsed.problems == ("declared gb2312 but is utf-8", "declared gbk but is utf-8")


def test_hostile_24_euro_and_four_byte_characters() -> None:
    titles = ["欧元汇率€一比八", "生僻字𠮷与㐂出现在标题中"]
    assert titles_of(document(titles, "gb2312").encode("gb18030")) == titles
    # Code page 936 writes the euro as the single byte 0x80.
    single = document([*SIMPLIFIED, "汇率E元"], "gbk").encode("gbk").replace(b"E", b"\x80")
    assert titles_of(single) == [*SIMPLIFIED, "汇率€元"]


def test_hostile_24_one_wrong_byte_costs_one_character() -> None:
    body = document(SIMPLIFIED * 5, "gbk").encode("gbk").replace("商".encode("gbk"), b"\xff", 1)
    found = titles_of(body)
    assert found[:2] == SIMPLIFIED[:2]
    assert found[3:] == SIMPLIFIED * 4


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r"])
def test_russian_without_a_label_is_not_taken_for_chinese(charset: str) -> None:
    assert titles_of(document(RUSSIAN).encode(charset)) == RUSSIAN


@pytest.mark.parametrize(("charset", "titles"), [*CHINESE, ("utf-8", SIMPLIFIED)])
def test_hostile_24_a_document_cut_in_mid_character(charset: str, titles: list[str]) -> None:
    body = document([*titles, titles[0]], charset).encode(charset)
    cut = body[: body.rindex(titles[0].encode(charset)) + 5]
    assert titles_of(cut)[: len(titles)] == titles


def test_hostile_24_a_summary_cut_in_mid_character_costs_no_title() -> None:
    half = "国".encode()[:2]
    body = document(SIMPLIFIED, "utf-8").encode().replace(
        b"</item>", b"<description>" + "新闻摘要".encode() + half + b"</description></item>"
    )  # fmt: skip
    assert titles_of(body) == SIMPLIFIED


@pytest.mark.parametrize(
    ("mark", "charset"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "utf-32-le"),
        (b"", "utf-32-be"),
    ],
)
def test_hostile_24_byte_order_marks_and_wide_charsets(mark: bytes, charset: str) -> None:
    assert titles_of(mark + document(SIMPLIFIED, "gb2312").encode(charset)) == SIMPLIFIED


@pytest.mark.parametrize(
    ("charset", "titles"),
    [
        ("shift_jis", JAPANESE),
        ("euc_jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("euc_kr", KOREAN),
        ("koi8-r", RUSSIAN),
        ("windows-1251", RUSSIAN),
        ("iso-8859-5", RUSSIAN),
        ("iso-8859-1", ["Élections à l'été", "Müller über Straße"]),
        ("iso-8859-2", ["Żółw i łódź", "Przemysł rośnie"]),
        ("iso-8859-7", ["Η κυβέρνηση ανακοίνωσε μέτρα"]),
        ("windows-1255", ["הממשלה אישרה את התקציב"]),
        ("tis-620", ["รัฐบาลประกาศงบประมาณใหม่"]),
    ],
)
def test_a_declared_charset_wins_over_a_chinese_guess(charset: str, titles: list[str]) -> None:
    label = charset.replace("_", "-")
    assert titles_of(document(titles, label).encode(charset)) == titles
    assert titles_of(document(titles).encode(charset), label) == titles


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("GB2312", "gb18030"),
        ("gbk", "gb18030"),
        (" 'utf8' ", "utf-8"),
        ("latin1", "cp1252"),
        ("shift_jis", "cp932"),
        ("base64", None),
        ("no-such", None),
        ("unicode_escape", None),
        ("idna", None),
        ("a\0b", None),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label: str, codec: str | None) -> None:
    assert codec_name(label) == codec


def test_utf7_brings_no_half_of_a_surrogate_pair() -> None:
    decoded = decode(b"+2AA-abc+AOk-", "utf-7")
    assert (decoded.text, decoded.charset) == ("abcé", "utf-7")
    decode(b"+2AA-abc\xff", "utf-7").text.encode()


def test_an_escape_sequence_without_end_stops_nothing() -> None:
    assert decode(b"\x1b$(punycode", "iso-2022-jp").text


@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=20)))
def test_any_bytes_under_any_label_can_be_read(body: bytes, label: str | None) -> None:
    decoded = decode(body, label)
    assert codecs.lookup(decoded.charset)
    assert len(decoded.text) <= 2 * len(body)


@given(st.text(alphabet=st.sampled_from("国中人的新闻abc标题，。"), min_size=1, max_size=60))
def test_utf8_is_read_as_utf8(text: str) -> None:
    assert decode(text.encode(), "gb2312").text == text


def test_the_shortcut_for_ordinary_texts_agrees_with_cleaning() -> None:
    ordinary = [chr(code) for code in range(0x10000) if _ORDINARY.fullmatch(chr(code))]
    text = "x".join(ordinary) + "x"
    assert len(ordinary) > 30_000
    cleaned, _ = clean_title(text, len(text))
    assert cleaned == " ".join(text.split())
    joined = "".join(char for char in ordinary if char != " ")
    assert clean_title(joined, len(joined))[0] == joined

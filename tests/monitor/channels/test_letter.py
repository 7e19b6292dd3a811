"""The mail as text: headers that nothing can add to, parts that show what was told."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.facts import Reader, facts, pieces, subject
from monitor.channels.letter import Sheet, compose
from monitor.messages import AlertEntry, Message
from monitor.text import clean_title
from tests.fakes import make_entry, make_message

SENDER = Address("Headline Monitor", "monitor", "news.example")
READERS = (Address("", "a", "x.example"), Address("读者", "b", "x.example"))
SHEET = Sheet(SENDER, READERS, "one.headlines.news.example")
TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "span", "p", "bdi", "a", "b", "code",
    "mark",
}  # fmt: skip
HEADERS = [
    "Subject", "From", "To", "Date", "Message-ID", "List-Id", "Auto-Submitted",
    "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
]  # fmt: skip
ASCII = st.text(st.characters(codec="ascii"), max_size=300)
WORDS = st.lists(
    st.sampled_from(["=?utf-8?q?=0ABcc:_x?=", "a", "字" * 90, "b" * 90, "=?", ",", ":"])
)
TEXT = st.text(st.characters(exclude_categories=[]), max_size=400) | ASCII | WORDS.map(" ".join)


class Page(HTMLParser):
    """The text, the links and the tags of an HTML part."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown = self.open = ""
        self.marked: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open = tag
        self.links += [value or "" for name, value in attributes if name in {"href", "src"}]
        assert not [name for name, _ in attributes if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        self.shown += data
        if self.open == "mark":
            self.marked.append(data)


class Links:
    """Where a public address is set."""

    def unsubscribe(self, message: Message) -> str:
        return f"https://h.example/unsubscribe/{message.id}"

    def snooze(self, message: Message) -> str:
        return f"https://h.example/snooze/{message.id}"

    def mute(self, _message: Message, entry: AlertEntry) -> str:
        return f"https://h.example/mute/{entry.id}"


def written(
    message: Message, sheet: Sheet = SHEET, reader: Reader | None = None, links: Any = None
) -> tuple[bytes, EmailMessage]:
    told = facts(message, reader or Reader(), links)
    raw = compose(message, told, sheet).as_bytes()
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return raw, mail


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def test_the_headers_of_an_alert() -> None:
    _, mail = written(make_message("msg_a"))
    assert list(mail.keys()) == HEADERS
    assert mail["Subject"] == "[rates] 央行宣布降息"
    assert mail["From"] == "Headline Monitor <monitor@news.example>"
    assert mail["To"] == "a@x.example, 读者 <b@x.example>"
    assert mail["Message-ID"] == "<msg_a@news.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def test_both_parts_tell_the_alert() -> None:
    entry = make_entry("央行宣布降息 AT&T <b>", spans=((4, 6), (5, 8)))
    _, mail = written(make_message(entries=(entry,)))
    text, page = part(mail, "plain"), Page(part(mail, "html"))
    for shown in (text, page.shown):
        for word in (
            entry.title,
            "示例要闻",
            "Finance 93%",
            "2026-03-01 12:00 UTC",
            "rates",
            "降息",
        ):
            assert word in shown
    assert entry.url in text.split("\n")
    assert page.links == [entry.url]
    assert page.marked == ["降息", " A"]


def test_spans_of_a_title_that_had_to_be_cleaned_mark_nothing_wrong() -> None:
    entry = make_entry("\u202eab\u202ccdef", spans=((4, 6),))
    page = Page(part(written(make_message(entries=(entry,)))[1], "html"))
    assert "abcdef" in page.shown
    assert page.marked == []


def test_an_unsure_section_is_marked_as_such() -> None:
    sure, doubt = (part(written(make_message(entries=(make_entry(unsure=unsure),)))[1], "plain")
                   for unsure in (False, True))  # fmt: skip
    assert "unsure" not in sure
    assert "(unsure)" in doubt


def test_a_notice_is_told_without_rule_and_entries() -> None:
    notice = "The channel 'hook' is switched off: it answered 410 Gone."
    _, mail = written(make_message(notice=notice, entries=(), rule="", query=""))
    assert mail["Subject"] == f"[Headline Monitor] {notice}"
    assert notice in part(mail, "plain")
    assert notice in Page(part(mail, "html")).shown
    assert "Rule" not in part(mail, "plain")
    chinese = make_message(notice=notice, notice_zh="通道已停用。", entries=(), rule="", query="")
    _, mail = written(chinese, reader=Reader("zh"))
    assert mail["Subject"] == "[Headline Monitor] 通道已停用。"
    assert "通道已停用。" in Page(part(mail, "html")).shown
    assert notice not in part(mail, "plain")
    _, odd = written(make_message(notice="one\ntwo \ud800\x1b three", entries=(), rule=""))
    assert "one\ntwo three" in part(odd, "plain")


def test_several_entries_are_counted_and_told() -> None:
    entries = (make_entry("one"), make_entry("two"), make_entry("three"))
    _, mail = written(make_message(entries=entries))
    assert mail["Subject"] == "[rates] one (+2)"
    assert [word in part(mail, "plain") for word in ("one", "two", "three")] == [True] * 3


def digest() -> Message:
    sections = ("finance", "world", "finance", "my-own")
    entries = tuple(
        make_entry(f"title {at}", id=at, section=key, source=f"s{at}")
        for at, key in enumerate(sections)
    )
    return make_message("msg_d", entries=entries, digest=True, total=12)


def test_a_digest_is_grouped_by_section_and_counts_what_it_leaves_out() -> None:
    _, mail = written(digest())
    assert mail["Subject"] == "[rates] title 0 · 12 headlines"
    text = part(mail, "plain")
    told = [line for line in text.split("\n") if line.startswith(("==", "title"))]
    assert told == [
        "== Finance ==", "title 0", "title 2", "== World ==", "title 1", "== my-own ==", "title 3",
    ]  # fmt: skip
    assert "… and 8 more that are not listed here" in text
    assert "… and 8 more that are not listed here" in Page(part(mail, "html")).shown


def test_a_reader_has_a_language_and_a_time_zone() -> None:
    reader = Reader("zh", ZoneInfo("Asia/Shanghai"))
    _, mail = written(digest(), reader=reader, links=Links())
    for kind in ("plain", "html"):
        shown = part(mail, kind)
        for word in (
            "财经 93%",
            "2026-03-01 20:00",
            "12 条新闻",
            "另有 8 条未列出",
            "退订",
            "条件",
        ):
            assert word in shown
        assert "UTC" not in shown
    assert '<html lang="zh-Hans">' in part(mail, "html")


def test_links_to_mute_snooze_and_unsubscribe_are_in_both_parts() -> None:
    _, mail = written(make_message("msg_a"), links=Links())
    wanted = {
        "https://h.example/mute/7", "https://h.example/snooze/msg_a",
        "https://h.example/unsubscribe/msg_a",
    }  # fmt: skip
    assert wanted <= set(Page(part(mail, "html")).links)
    assert [link for link in wanted if link not in part(mail, "plain")] == []
    _, bare = written(make_message("msg_a"))
    assert Page(part(bare, "html")).links == ["https://news.example/7?a=1&b=2"]


def test_mail_programs_are_told_how_to_unsubscribe_with_one_click() -> None:
    sheet = dataclasses.replace(SHEET, unsubscribe="stop@x.example")
    raw, mail = written(make_message("msg_a"), sheet, links=Links())
    mailto = "<mailto:stop@x.example?subject=unsubscribe>"
    assert mail["List-Unsubscribe"] == f"<https://h.example/unsubscribe/msg_a>, {mailto}"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"] == "<one.headlines.news.example>"
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    _, mail = written(make_message(), sheet)
    assert mail["List-Unsubscribe"] == mailto
    assert mail["List-Unsubscribe-Post"] is None
    _, mail = written(make_message())
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "link",
    ["http://h.example/u", "https://h.example/a,b", "https://h.example/\r\nBcc: x", "https://h/ü"],
)
def test_one_click_is_offered_for_plain_https_alone(link: str) -> None:
    class Odd(Links):
        def unsubscribe(self, message: Message) -> str:
            return link

    _, mail = written(make_message(), links=Odd())
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["Bcc"] is None


def test_the_page_loads_nothing_and_knows_the_dark() -> None:
    html = part(written(digest(), links=Links())[1], "html")
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="viewport"' in html
    assert not re.search(r"<(img|link|script|iframe|video|object)|url\(|@import|@font-face", html)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "", "//x.example", "\x01javascript:x"]
)
def test_only_web_addresses_become_links(url: str) -> None:
    _, mail = written(make_message(entries=(make_entry(url=url),)))
    assert Page(part(mail, "html")).links == []
    assert "javascript" not in part(mail, "plain")


def test_a_link_cannot_leave_its_quotes() -> None:
    url = "https://x.example/\"><script>alert('1')</script>?a&amp=<b>"
    _, mail = written(make_message(entries=(make_entry(url=url),)))
    page = Page(part(mail, "html"))
    assert page.links == [url]
    assert "script" not in page.tags


@given(TEXT, TEXT, TEXT, TEXT)
def test_hostile_17_nothing_told_adds_a_header_a_tag_or_a_line(
    title: str, rule: str, source: str, query: str
) -> None:
    entry = make_entry(title, source=source, url=title)
    raw, mail = written(make_message(rule=rule, query=query, entries=(entry,)))
    assert list(mail.keys()) == HEADERS
    assert len(mail["To"].addresses) == 2
    head = raw.split(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", raw)
    assert mail["Subject"] == subject(make_message(rule=rule, entries=(entry,)))
    assert clean_title(title)[0] in part(mail, "plain").split("\n")
    page = Page(part(mail, "html"))
    assert page.tags <= TAGS


POISON = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "javascript:alert(1)", "[x](javascript:alert(1))", "{{7*7}} ${7*7} {% raw %} %s %(a)s",
    "\u202egnp.exe\u202c", "a\u200bb\ufeffc", "e" + "\u0301" * 1_000, "nul\x00byte \ud800 \x1b[31m",
    "👨\u200d👩\u200d👧", "</title></style><b>x", "<!-- x", "&lt;b&gt; &amp;amp;", "字" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("title", POISON, ids=range(len(POISON)))
def test_hostile_31_a_poisoned_title_is_text_in_both_parts(title: str) -> None:
    entry = make_entry(title, source=title, url=title, spans=((0, 4),))
    _, mail = written(make_message(rule=title, query=title, entries=(entry,)), links=Links())
    clean = clean_title(title)[0]
    page = Page(part(mail, "html"))
    assert clean in page.shown.replace("\xa0", " ")
    assert clean in part(mail, "plain")
    assert page.tags <= TAGS
    assert all(link.startswith("https://h.example/") for link in page.links)


@given(TEXT, TEXT)
def test_hostile_17_a_subject_is_one_line_of_at_most_200_characters(rule: str, title: str) -> None:
    line = subject(make_message(rule=rule, title=title))
    assert len(line) <= 200
    assert {category(char) for char in line}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})


def test_hostile_17_a_long_title_is_cut_between_characters() -> None:
    family = "👨‍👩‍👧‍👦"
    line = subject(make_message(title=family * 100))
    assert len(line) <= 200
    assert line.removeprefix("[rates] ").replace(family, "") == ""


SPANS = st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)))


@given(st.text(max_size=30), SPANS)
def test_pieces_are_the_title_and_their_marks_the_spans(
    title: str, spans: list[tuple[int, int]]
) -> None:
    found = list(pieces(title, spans))
    assert "".join(text for text, _ in found) == title
    marks = [matched for text, matched in found for _ in text]
    inside = [any(start <= at < end for start, end in spans) for at in range(len(title))]
    assert marks == inside

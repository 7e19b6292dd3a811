"""Every format of feed to the same records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources import SOURCE_KINDS, feed
from monitor.types import ParsedEntry, ParsedFeed

URL = "https://portal.example/feeds/all.xml"


ATOM_03 = (
    '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title mode="escaped">T</title>'
    "<issued>2025-11-13T00:00:00Z</issued></entry></feed>"
)


def read(document: str | bytes, url: str = URL) -> ParsedFeed:
    body = document.encode() if isinstance(document, str) else document
    return feed.parse(body, url=url)


def rss(
    item: str, channel: str = "<link>https://portal.example/</link>", version: str = "2.0"
) -> str:
    return (
        f'<rss version="{version}" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>Portal</title>{channel}<item>{item}</item></channel></rss>"
    )


def only(parsed: ParsedFeed) -> ParsedEntry:
    (entry,) = parsed.entries
    return entry


def title(markup: str) -> str:
    return only(read(rss(f"<title>{markup}</title>"))).title


def test_an_rss_item_gives_all_its_fields() -> None:
    parsed = read(
        rss(
            "<title>央行降息</title><link>/2025/1.html</link>"
            '<guid isPermaLink="false">n-1</guid><author>wang@example.org (王敏)</author>'
            "<pubDate>Thu, 13 Nov 2025 11:39:00 +0800</pubDate>"
            "<category>财经</category><category>要闻</category>"
            "<description>&lt;p&gt;今日&lt;/p&gt;&lt;p&gt;宣布&lt;/p&gt;</description>",
            "<link>https://portal.example/</link><language>zh-CN</language><ttl>30</ttl>"
            "<skipHours><hour>1</hour><hour>24</hour><hour>never</hour></skipHours>"
            "<skipDays><day>Sunday</day><day>saturday</day></skipDays>",
        )
    )
    assert (parsed.format, parsed.title, parsed.link) == (
        "rss20",
        "Portal",
        "https://portal.example/",
    )
    assert (parsed.language, parsed.ttl_s, parsed.problems) == ("zh-cn", 1800.0, ())
    assert (parsed.skip_hours, parsed.skip_weekdays) == ((0, 1), (5, 6))
    assert only(parsed) == ParsedEntry(
        title="央行降息",
        url="https://portal.example/2025/1.html",
        guid="n-1",
        author="王敏",
        published_at=datetime(2025, 11, 13, 3, 39, tzinfo=UTC),
        summary="今日 宣布",
        categories=("财经", "要闻"),
    )


def test_an_atom_entry_gives_all_its_fields() -> None:
    parsed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        '<title type="text">Desk</title><link href="https://portal.example/"/>'
        '<entry xml:base="https://cdn.example/a/"><title type="html">Rates &amp;amp; bonds</title>'
        '<link rel="enclosure" href="x.mp3"/><link rel="alternate" href="story"/>'
        "<id>urn:1</id><author><email>a@b.example</email><name>Ada</name></author>"
        "<published>2025-11-13T11:39:00+08:00</published><updated>2025-11-14T00:00:00Z</updated>"
        '<category term="fin" label="Finance"/>'
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'
        "<p>One</p><p>two</p></div></content></entry></feed>"
    )
    entry = only(parsed)
    assert (parsed.format, parsed.language, parsed.link) == (
        "atom10",
        "en",
        "https://portal.example/",
    )
    assert (entry.title, entry.url, entry.guid) == (
        "Rates & bonds",
        "https://cdn.example/a/story",
        "urn:1",
    )
    assert (entry.author, entry.categories, entry.summary) == ("Ada", ("Finance",), "One two")
    assert entry.published_at == datetime(2025, 11, 13, 3, 39, tzinfo=UTC)


def test_rss_1_items_stand_beside_their_channel() -> None:
    parsed = read(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns="http://purl.org/rss/1.0/" xmlns:d="http://purl.org/dc/elements/1.1/">'
        '<channel rdf:about="https://p.example/"><title>P</title><link>https://p.example/</link>'
        "</channel><image><title>logo</title></image>"
        '<item rdf:about="https://p.example/1"><title>One</title><link>https://p.example/1</link>'
        "<d:date>2025-11-13</d:date><d:creator>Li</d:creator></item></rdf:RDF>"
    )
    entry = only(parsed)
    assert (parsed.format, parsed.title) == ("rss10", "P")
    assert (entry.title, entry.author, entry.guid) == ("One", "Li", "https://p.example/1")
    assert entry.published_at == datetime(2025, 11, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (rss("<title>T</title>", version="0.91"), "rss091"),
        (rss("<title>T</title>", version="0.92"), "rss092"),
        (ATOM_03, "atom03"),
        (
            '<CHANNEL HREF="http://p.example/"><ITEM HREF="/1"><TITLE>T</TITLE></ITEM></CHANNEL>',
            "cdf",
        ),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "T"}]}',
            "json11",
        ),
    ],
)
def test_older_and_other_formats(document: str, kind: str) -> None:
    parsed = read(document)
    assert (parsed.format, only(parsed).title) == (kind, "T")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("AT&amp;amp;T", "AT&T"),
        ("AT&amp;T", "AT&T"),
        ("<![CDATA[<b>Bold</b> move]]>", "Bold move"),
        ("&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"),
        ("&amp;lt;b&amp;gt; is a tag", "<b> is a tag"),
        ("<![CDATA[a < b &#8212; c]]>", "a < b — c"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;News", "News"),
        ("A\u200bB\u202eC\n  D", "ABC D"),
        ("e\u0301", "é"),
        ("7 &lt; 9", "7 < 9"),
    ],
)
def test_hostile_31_titles_become_plain_text(markup: str, text: str) -> None:
    assert title(markup) == text


def test_a_long_title_is_cut_and_says_so() -> None:
    entry = only(read(rss(f"<title>{'新' * 100_000}</title>")))
    assert (len(entry.title), entry.title_cut) == (1000, True)


def test_atom_plain_text_keeps_what_looks_like_a_tag() -> None:
    parsed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
        '<title type="text">The &lt;dialog&gt; element</title></entry></feed>'
    )
    assert only(parsed).title == "The <dialog> element"


def test_an_entry_without_a_title_is_named_by_its_text() -> None:
    entry = only(read(rss("<description>Short note</description>")))
    assert entry.title == "Short note"


def test_an_entry_without_title_and_text_is_left_out_and_counted() -> None:
    parsed = read(rss("<link>https://portal.example/1</link>"))
    assert parsed.entries == ()
    assert parsed.problems == ("1 entries have neither title nor text; left out",)


def test_a_script_address_is_no_link() -> None:
    parsed = read(rss("<title>T</title><link>javascript:alert(1)</link>"))
    assert only(parsed).url == ""
    assert "javascript:alert(1)" in parsed.problems[0]


def test_a_permalink_guid_stands_in_for_the_link() -> None:
    assert (
        only(read(rss("<title>T</title><guid>https://p.example/9</guid>"))).url
        == "https://p.example/9"
    )
    named = rss('<title>T</title><guid isPermaLink="false">https://p.example/9</guid>')
    assert only(read(named)).url == ""


def test_module_elements_do_not_replace_the_entrys_own() -> None:
    parsed = read(
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><item>'
        "<media:group><media:title>Photo</media:title></media:group><media:title>Pic</media:title>"
        "<title>News</title><source><title>Agency</title></source></item></channel></rss>"
    )
    assert only(parsed).title == "News"


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("a@b.example (Ada)", "Ada"),
        ("Ada &lt;a@b.example&gt;", "Ada"),
        ("a@b.example", "a@b.example"),
        ("王敏", "王敏"),
        ("a@b.example ()", "a@b.example ()"),
    ],
)
def test_an_authors_name_is_freed_of_the_address(author: str, name: str) -> None:
    assert only(read(rss(f"<title>T</title><author>{author}</author>"))).author == name


def test_absurd_dates_are_dropped_and_counted() -> None:
    parsed = read(rss("<title>T</title><pubDate>Mon, 01 Jan 0001 00:00:00 GMT</pubDate>"))
    assert only(parsed).published_at is None
    assert parsed.problems == ("1 dates cannot be read or cannot be true; dropped",)


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ("", "empty"),
        ("\ufeff  \n", "empty"),
        ("<!DOCTYPE html><html><head></head><body>Hi<br></body></html>", "HTML page"),
        ('<opml version="2.0"><body><outline text="x"/></body></opml>', "OPML"),
        ("<note><to>you</to></note>", "not a feed"),
        ("hello", "not a feed"),
        ('{"a": 1}', '"items"'),
        ('{"items": [', "not valid JSON"),
        ("[1, 2", "not valid JSON"),
    ],
)
def test_what_is_not_a_feed_is_refused_by_name(document: str, word: str) -> None:
    with pytest.raises(ParseError, match=word):
        read(document)


def test_an_empty_channel_is_a_feed_without_entries() -> None:
    assert read('<rss version="2.0"><channel><title>P</title></channel></rss>').entries == ()


def test_hostile_26_guids_and_links_are_kept_as_given() -> None:
    parsed = read(rss("<title>T</title><link>https://p.example/1</link><guid>  g 1 </guid>"))
    assert (only(parsed).guid, only(parsed).url) == ("g 1", "https://p.example/1")


@given(st.binary(max_size=400))
def test_any_bytes_give_a_feed_or_a_parse_error(body: bytes) -> None:
    _accept(body)


PIECES = (
    "<rss>", "<channel>", "<item>", "<title>", "</title>", "</item>", "<link>", "&", "&#x0;", "]]>",
    "<![CDATA[", "<!--", "-->", "<", ">", '"', "='", "x:y", "&nbsp;", "新闻", "\0", "<entry>", "[",
    "<feed>", "</", "<?xml encoding='big5'?>", "{", "]", "<!DOCTYPE a [", "\ud800",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_pieces_of_feeds_give_a_feed_or_a_parse_error(pieces: list[str]) -> None:
    _accept("".join(pieces).encode("utf-8", "surrogatepass"))


def _accept(body: bytes) -> None:
    for name, kind in SOURCE_KINDS.items():
        if name != "feed":
            continue
        try:
            parsed = kind.parse(body, url=URL)
        except ParseError as error:
            assert str(error)
        else:
            assert all(entry.title.isprintable() or " " in entry.title for entry in parsed.entries)
            assert all(not entry.url or entry.url.startswith("http") for entry in parsed.entries)


HUB_RSS = """<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'><channel><title>F</title>
<a:link rel='hub' href='https://hub.example/'/><a:link rel='hub' href='https://second.example/'/>
<a:link rel='self' href='/self'/><item><title>t</title><link>/1</link></item></channel></rss>"""
HUB_ATOM = """<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title>
<link rel='self' href='/self'/><link rel='hub' href='https://hub.example/'/>
<entry><title>t</title><link href='/1'/><link rel='self' href='/other'/></entry></feed>"""


@pytest.mark.parametrize("document", [HUB_RSS, HUB_ATOM])
def test_a_feed_names_its_hub_and_itself(document: str) -> None:
    found = read(document, "https://p.example/feed")
    assert (found.hub, found.topic) == ("https://hub.example/", "https://p.example/self")
    assert only(found).url == "https://p.example/1"
    assert read(document.replace("rel='hub'", "rel='x'")).hub == ""
    tracked = read(document.replace("/self", "/self?utm_source=rss"), "https://p.example/feed")
    assert tracked.topic == "https://p.example/self?utm_source=rss"


@pytest.mark.parametrize("digits", [8, 5_000, 100_000])
def test_hostile_23_numbers_without_end_cost_nothing(digits: int) -> None:
    number = "1" * digits
    for reference in (f"&#{number};", f"&amp;#{number};", f"<![CDATA[&#{number};]]>"):
        parsed = read(
            f"<rss version='2.0'><channel><title>F</title><ttl>{number}</ttl>"
            f"<skipHours><hour>{number}</hour></skipHours>"
            f"<item><title>news {reference}</title><guid>1</guid></item>"
            f"<item><title>more</title><guid>2</guid></item></channel></rss>"
        )
        assert [entry.title[:4] for entry in parsed.entries] == ["news", "more"]
        assert (parsed.ttl_s, parsed.skip_hours) == (None, ())

"""Other programs' rule files: what becomes of each part, traps included."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import UsageError
from monitor.rules.importers import FORMATS, Choices, Draft, Imported, guess, read, write
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject

TRENDRADAR = """# headlines that I want

[GLOBAL_FILTER]
震惊
/速看.*疯传/
!not here
+nor here

[WORD_GROUPS]
[Fruit firms]
苹果
iPhone => phones
/mac\\s?book/ => laptops
+发布
!果农
@15

DJI => drones
大疆   # the maker

+央行
+降息

[Limits]
比亚迪
@20   # twenty
@many
"""


def _fates(found: Imported, fate: str) -> list[str]:
    return [note.what for note in found.notes if note.fate == fate]


def _matches(found: Imported, title: str) -> list[str]:
    matcher = RuleSet(enumerate(parse(draft.query) for draft in found.drafts))
    return [found.drafts[hit.rule_id].name for hit in matcher.match(Subject(title))]


def test_trendradar_groups_become_rules() -> None:
    found = read(TRENDRADAR, "trendradar")
    assert [draft.name for draft in found.drafts] == [
        "Fruit firms", "drones / 大疆", "sub:央行 AND sub:降息", "Limits"
    ]  # fmt: skip
    fruit = found.drafts[0]
    assert fruit.query == (
        r"(sub:苹果 OR sub:iPhone OR /mac\s?book/i) AND sub:发布 AND "
        r"NOT (sub:震惊 OR /速看.*疯传/i OR sub:果农)"
    )
    assert [draft.options for draft in found.drafts] == [{"top": 15}, {}, {}, {"top": 20}]
    assert _matches(found, "新IPHONES发布") == ["Fruit firms"]
    assert _matches(found, "震惊！新iPhone发布") == []
    assert _matches(found, "央行宣布降息 果农发愁") == []  # the ! line counts everywhere
    assert _fates(found, "lost") == ["!not here", "+nor here", "@many"]
    assert set(_fates(found, "changed")) == {
        "4 groups", "!果农", "@15", "大疆   # the maker", "@20   # twenty"
    }  # fmt: skip


def test_trendradar_exclusions_can_stay_in_their_group() -> None:
    found = read(TRENDRADAR, "trendradar", Choices(in_group=True))
    assert _matches(found, "央行宣布降息 果农发愁") == ["sub:央行 AND sub:降息"]
    assert _matches(found, "苹果发布 果农发愁") == []


def test_trendradar_latin_words_can_be_made_whole() -> None:
    found = read("AI\n苹果\n", "trendradar", Choices(whole_words=True))
    assert found.drafts[0].query == "AI OR sub:苹果"


@pytest.mark.parametrize(
    ("text", "queries", "lost"),
    [
        ("甲\n \n乙\n", ["sub:甲 OR sub:乙"], []),  # a line of spaces parts nothing
        ("甲\n\n\n\n乙", ["sub:甲", "sub:乙"], []),
        ("甲\r\n\r\n乙\r\n", ["sub:甲", "sub:乙"], []),
        ("/a/I\n", ["/a/i"], []),
        ("/(a/\n甲", ["sub:甲"], ["/(a/"]),
        ("!\n+\n=> x\n甲", ["sub:甲"], ["!", "+", "=> x"]),
        ("/a=>b/\n", ["/a=>b/i"], []),
        ("/24\\/7|\\\\/\n", ["/24\\/7|\\\\/i"], []),
        ("甲\n乙\n\n乙\n甲", ["sub:甲 OR sub:乙", "sub:乙 OR sub:甲"], []),
        ("!甲\n", [], ["no group"]),
        ("[global_filter]\n甲\n\n乙\n", [], ["no group"]),  # a marker holds until the next
        ("[GLOBAL_FILTER]\n甲\n\n[word_groups]\n乙", ["sub:乙 AND NOT sub:甲"], []),
        ("[only a name]\n@3\n", [], ["no group"]),
        ("a b  c\n", ['sub:"a b c"'], []),
        ("@0\n甲", ["sub:甲"], ["@0"]),
        ("", [], ["no group"]),
    ],
)
def test_trendradar_traps(text: str, queries: list[str], lost: list[str]) -> None:
    found = read(text, "trendradar")
    assert [draft.query for draft in found.drafts] == queries
    assert _fates(found, "lost") == lost


@pytest.mark.parametrize(
    ("pattern", "query", "title"),
    [
        (r"华为\w+发布", r"/华为[\pL\pN_]+发布/i", "华为今天发布新机"),
        (r"[^\w]+快讯", r"/[^\pL\pN_]+快讯/i", "今天：快讯"),
        (r"涨\W跌", r"/涨[^\pL\pN_]跌/i", "涨、跌"),
        (r"^\d\D", r"/^\p{Nd}\P{Nd}/i", "٣天"),
        (r"[]\d]号", r"/[]\p{Nd}]号/i", "٣号"),
        (r"涨\s跌", r"/涨\s跌/i", "涨 跌"),
        (r"\\w", r"/\\w/i", r"a\w"),
    ],
)
def test_a_trendradar_expression_sees_all_letters(pattern: str, query: str, title: str) -> None:
    found = read(f"/{pattern}/", "trendradar")
    assert [draft.query for draft in found.drafts] == [query]
    assert _matches(found, title)
    assert not _fates(found, "changed")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"/\bAI\b/", r"leave \b out"),
        (r"/[\W]快讯/", r"write [\pL\pN_]"),
        (r"/" + r"\w" * 200 + "/", r"write [\pL\pN_]"),  # too long, spelt out
        (r"/\p{Han}+/", "looks for the text"),
    ],
)
def test_what_differs_in_a_trendradar_expression_is_told(line: str, said: str) -> None:
    found = read(line, "trendradar")
    assert [draft.query for draft in found.drafts] == [f"{line}i"]
    assert [said in note.note for note in found.notes if note.fate == "changed"] == [True]


def test_a_trendradar_expression_is_said_to_be_text_only_where_it_is() -> None:
    text, fault = ["looks for the text" in read(f"/{pattern}/\n甲", "trendradar").notes[0].note
                   for pattern in ("(a", "(?<!水)果")]  # fmt: skip
    assert (text, fault) == (True, False)


@pytest.mark.parametrize(
    "text", ["/(?<!水)果/\n+手机", "/(?<!水)果/\n+手机\n=> x", "+/(?<!水)果/\n手机\n+新"]
)
def test_no_trendradar_group_is_made_broader(text: str) -> None:
    found = read(f"[phones]\n{text}\n\n乙", "trendradar")
    assert [draft.name for draft in found.drafts] == ["乙"]
    assert "phones" in _fates(found, "lost")
    assert not _fates(found, "changed")  # one group is left: none counts first


def test_miniflux_lines() -> None:
    text = (
        "[block]\nEntryTitle=(?i)advert|promo\nEntryDate=max-age:7d\nEntryContent=x\n\n"
        "EntryTitel=x\nEntryDate=future\nEntryTitle=(?=x)\n"
        "[keep]\nEntryTitle=央行\nEntryAuthor=(?i)li ming\nEntryAuthor=^a.b$\n"
    )
    found = read(text, "miniflux")
    (draft,) = found.drafts
    assert draft.query == ('(/央行/ OR author:"*li ming*") AND NOT (/(?i)advert|promo/ OR age:>1w)')
    assert draft.enabled
    assert _fates(found, "lost") == [
        "EntryContent=x", "EntryTitel=x", "EntryDate=future", "EntryTitle=(?=x)",
        "EntryAuthor=^a.b$",
    ]  # fmt: skip


def test_an_escaped_slash_costs_a_miniflux_file_nothing() -> None:
    found = read("EntryTitle=24\\/7\nEntryTitle=x", "miniflux")
    assert [draft.query for draft in found.drafts] == ["/24\\/7/ OR /x/"]


@pytest.mark.parametrize(
    ("span", "query"),
    [("36h", "age:>36h"), ("90m", "age:>90m"), ("1h30m", "age:>90m"), ("1.5h", "age:>90m")],
)
def test_miniflux_ages(span: str, query: str) -> None:
    found = read(f"EntryTitle=x\nEntryDate=max-age:{span}", "miniflux")
    assert found.drafts[0].query == str(parse(f"/x/ OR {query}"))


def test_miniflux_blocks_alone_make_a_rule_that_is_off() -> None:
    (draft,) = read("EntryTitle=advert\n", "miniflux", Choices(blocks=True)).drafts
    assert (draft.query, draft.enabled) == ("NOT /advert/", False)


def test_miniflux_json_of_feeds() -> None:
    feeds = [
        {"username": "me", "keep_filter_entry_rules": "EntryTitle=ours"},
        {"title": "One", "feed_url": "https://one.example/rss", "blocklist_rules": "old",
         "keep_filter_entry_rules": "EntryTitle=own"},
        {"title": "Two", "feed_url": "https://two.example/rss"},
    ]  # fmt: skip
    found = read(json.dumps(feeds), "miniflux")
    assert [(draft.name, draft.query) for draft in found.drafts] == [
        ("One", "source:https://one.example/rss AND (/ours/ OR /own/) AND NOT /old/"),
        ("Two", "source:https://two.example/rss AND /ours/"),
    ]


@pytest.mark.parametrize(
    ("user", "feed", "query"),
    [
        ("EntryTitle=央行", "", "/央行/"),
        ("", "EntryTitle=央行", "/央行/"),
        ("", "", "/娱乐/"),
        ("EntryTitel=央行", "no rule", "/娱乐/"),  # Miniflux passes over what is no rule
    ],
)
def test_miniflux_looks_at_an_old_keeplist_only_without_lines(
    user: str, feed: str, query: str
) -> None:
    items = [
        {"title": "F", "feed_url": "f.example", "keeplist_rules": "娱乐",
         "keep_filter_entry_rules": feed},
        {"username": "u", "keep_filter_entry_rules": user},
    ]  # fmt: skip
    found = read(json.dumps(items), "miniflux")
    assert [draft.query for draft in found.drafts] == [f"source:f.example AND {query}"]
    assert ("keeplist_rules=娱乐" in _fates(found, "lost")) == ("娱乐" not in query)
    assert ("keeplist_rules=娱乐" in _fates(found, "changed")) == ("娱乐" in query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("intitle:央行", "sub:央行"),
        ('intitle:"rate cut" !author:Bob', 'sub:"rate cut" AND NOT author:*Bob*'),
        ("intitle:a OR intitle:b intitle:c", "sub:a OR sub:b AND sub:c"),
        ("-(intitle:a OR 'b c')", 'NOT (sub:a OR sub:"b c")'),
        ("intitle:/^A.c/i", "/^A.c/i"),
        ("/a\\/b/m", "/a\\/b/"),
        ("\\(x\\)", 'sub:"(x)"'),
        ("https://r.example/i/?a=normal&search=intitle%3Ax&name=N", "sub:x"),
    ],
)
def test_freshrss_searches(text: str, query: str) -> None:
    assert [draft.query for draft in read(text, "freshrss").drafts] == [query]


@pytest.mark.parametrize(
    "text",
    ["intitle:(a OR b)", 'intitle:"a', "inurl:x", "a #tag", "f:12 b", "pubdate:P1D", "(a", "a)",
     "a OR", "!", "/(?=x)/", "/x/s", '"']
)  # fmt: skip
def test_freshrss_searches_that_no_rule_can_be(text: str) -> None:
    found = read(text, "freshrss")
    assert found.drafts == ()
    assert _fates(found, "lost") == [text]


def test_freshrss_saved_queries() -> None:
    saved = [{"name": "Banks", "search": "intitle:央行", "state": 3}, {"search": ""}]
    assert read(json.dumps(saved), "freshrss").drafts == (Draft("Banks", "sub:央行"),)
    with pytest.raises(UsageError, match="search"):
        read("[1]", "freshrss")


@pytest.mark.parametrize("text", ['{"name": "a", "search": "x"}', '\n {"queries": [\n]}'])
def test_freshrss_wants_its_saved_queries_in_a_list(text: str) -> None:
    with pytest.raises(UsageError, match=r"a list \[\.\.\.\] of saved queries"):
        read(text, "freshrss")


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("/外交部/", ["/外交部/"]),
        ("intext:/x/i", ["/x/i"]),
        ("intitle:/x/", []),
        ("外交部 intitle:x", ["外交部"]),
    ],
)
def test_what_freshrss_looks_for_in_texts_is_told(text: str, changed: list[str]) -> None:
    found = read(text, "freshrss")
    assert (_fates(found, "changed"), _fates(found, "kept")) == (changed, [text])


def test_a_freshrss_search_is_kept_or_lost_not_both() -> None:
    found = read(f"author:{'x' * 250}", "freshrss")
    assert [note.fate for note in found.notes] == ["lost"]
    assert not found.drafts


def test_keywords_become_one_rule_or_one_each() -> None:
    text = "# mine\n央行\n rate  cut \n\u200b\nAND\n央行\n"
    found = read(text, "keywords")
    assert found.drafts == (Draft("keywords", '央行 OR "rate cut" OR "AND"'),)
    assert _fates(found, "lost") == ["\u200b"]
    each = read(text, "keywords", Choices(each=True)).drafts
    assert [draft.name for draft in each] == ["央行", "rate cut", "AND", "央行 (2)"]


def test_long_lists_become_several_rules() -> None:
    found = read("\n".join(f"词{at}" for at in range(2_500)), "keywords")
    assert [draft.name for draft in found.drafts] == ["keywords", "keywords (2)", "keywords (3)",
        "keywords (4)"]  # fmt: skip
    assert not _fates(found, "lost")


def test_csv_of_rules() -> None:
    text = (
        "name;query;channels;caps;urgent;top;colour\n"
        'rates;"降息 OR ""rate cut""";mail|hook;10/hour;yes;5;red\n'
        "bad;(x;;;;;\n;;;;;;\nfruit;苹果;;;maybe;;\n"
    )
    found = read(text, "csv")
    assert found.drafts == (
        Draft("rates", '降息 OR "rate cut"',
              {"caps": ["10/hour"], "top": 5, "urgent": True}, ("mail", "hook")),
        Draft("fruit", "苹果"),
    )  # fmt: skip
    assert _fates(found, "lost") == ["colour", "bad", "urgent maybe"]
    assert read("keyword\nC++\n(x)\n", "csv").drafts == (Draft("C++", "C++"), Draft("(x)", '"(x)"'))
    loose = read("query\nsource:人民网,新华网\nsection:tech,\n", "csv")
    assert _fates(loose, "lost") == ["source:人民网,新华网"]
    assert [draft.query for draft in loose.drafts] == ["section:tech"]
    for wrong in ("a,b\n1,2", '"', 'query\n"x'):
        with pytest.raises(UsageError):
            read(wrong, "csv")


@pytest.mark.parametrize(
    ("text", "name", "format_name"),
    [
        (TRENDRADAR, "x.txt", "trendradar"),
        ("甲\n乙", "frequency_words.txt", "trendradar"),
        ("甲\n\n乙", "x.txt", "trendradar"),
        ("甲\n乙", "x.txt", "keywords"),
        ("EntryTitle=x", "x.txt", "miniflux"),
        ('{"keep_filter_entry_rules": ""}', "x.json", "miniflux"),
        ('[{"search": "x"}]', "x.json", "freshrss"),
        ("intitle:x", "x.txt", "freshrss"),
        ("name,query\na,b", "x.txt", "csv"),
        ("query", "x.csv", "csv"),
        ("", "x.toml", "toml"),
        ('[[rules]]\nname = "a"', "x", "toml"),
    ],
)
def test_formats_are_guessed(text: str, name: str, format_name: str) -> None:
    assert guess(text, name) == format_name


def test_what_is_not_clear_is_asked_for() -> None:
    with pytest.raises(UsageError, match="--format trendradar"):
        guess('{"a": 1}', "x.json")


def test_a_switch_that_is_none_is_told() -> None:
    found = read('[[rules]]\nname = "a"\nquery = "x"\nenabled = "no"\n', "toml")
    assert _fates(found, "lost") == ["a: enabled"]


_names = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=20)
_values = st.one_of(
    st.booleans(), st.integers(0, 9), st.text(max_size=9), st.lists(st.text(max_size=5))
)


@given(
    st.lists(
        st.builds(
            Draft,
            _names.filter(str.strip),
            st.sampled_from(("a", 'a OR "b \\\\ c"', "/\\d'\"/i", "NOT 央行", " (a  -b)")),
            st.dictionaries(st.sampled_from(("mode", "top", "caps")), _values),
            st.none() | st.lists(_names, max_size=2).map(tuple),
            st.booleans(),
        ),
        max_size=4,
        unique_by=lambda draft: draft.name,
    )
)
def test_what_is_written_reads_back_the_same(drafts: list[Draft]) -> None:
    drafts = [d for d in drafts if d.name.isprintable()]
    text = write(drafts) or "rules = []"
    assert read(text, "toml").drafts == tuple(drafts)


@pytest.mark.parametrize("name", ["a  b", " a "])
def test_a_rule_reads_back_under_its_very_name(name: str) -> None:
    text = write([Draft(name, "x"), Draft("a b", "y")])
    assert [draft.name for draft in read(text, "toml").drafts] == [name, "a b"]


@pytest.mark.parametrize("name", ["a\tb", "", " ", "x" * 201])
def test_a_name_that_no_rule_may_have_is_made_one(name: str) -> None:
    (draft,) = read(write([Draft(name, "x")]), "toml").drafts
    assert draft.name in {"a b", "rule", "x" * 200}


@pytest.mark.parametrize("format_name", ["toml", "csv"])
def test_a_query_reads_back_as_it_is_written(format_name: str) -> None:
    query = "苹果 " + " ".join(f"-{at:x}" for at in range(256, 1056))
    assert len(str(parse(query))) > 8_192 > len(query)  # " AND NOT " for " -"
    text = write([Draft("a", query)]) if format_name == "toml" else f"name,query\na,{query}"
    assert [draft.query for draft in read(text, format_name).drafts] == [query]


PIECES = (
    *("[", "]", "/", "=>", "!", "+", "@3", "#", "\n", "\n\n", "(", ")", "a", "央行", " OR ", '"'),
    *("intitle:", "EntryTitle=", "'", "\\", ",", ";", "query", "[[rules]]", "name=", "-", "{", "}"),
)
_texts = st.text(max_size=200) | st.lists(st.sampled_from(PIECES)).map("".join)


@given(st.sampled_from(sorted(FORMATS)), _texts)
def test_any_text_is_read_or_refused(format_name: str, text: str) -> None:
    try:
        found = read(text, format_name)
    except UsageError:
        return
    for draft in found.drafts:
        assert str(parse(draft.query)) == draft.query or format_name in {"toml", "csv"}
        assert draft.name.isprintable()
    assert len({draft.name for draft in found.drafts}) == len(found.drafts)

"""Whether two titles tell the same news: on labelled pairs, and what holds for any pair."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import numbers
from monitor.stories.compare import compare
from monitor.stories.grouping import JOIN_SCORE
from monitor.stories.wording import said, wording
from monitor.text import fold

PAIRS = Path(__file__).parents[2] / "data" / "stories"


def read(name: str) -> list[dict[str, Any]]:
    lines = (PAIRS / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def scored(pairs: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Precision and recall."""
    found = [compare(pair["a"], pair["b"]).same for pair in pairs]
    both = sum(same and pair["same"] for same, pair in zip(found, pairs, strict=True))
    return both / sum(found), both / sum(pair["same"] for pair in pairs)


# The figures that were measured are in docs/stories.md; these are a little below. Nothing was
# fitted to the exam.
@pytest.mark.parametrize(
    ("name", "precision", "recall"), [("exam", 0.9, 0.82), ("train", 0.93, 0.8)]
)
def test_labelled_pairs(name: str, precision: float, recall: float) -> None:
    found = scored(read(name))
    assert found[0] >= precision
    assert found[1] >= recall


@pytest.mark.parametrize("name", ["exam_en", "exam_zh"])
def test_of_one_topic_few_headlines_join_that_tell_other_news(name: str) -> None:
    told = read(f"streams/{name}")
    joined = [
        (one["event"], other["event"])
        for one, other in itertools.combinations(told, 2)
        if compare(one["title"], other["title"]).score >= JOIN_SCORE
    ]
    assert len(joined) >= 10
    assert sum(one == other for one, other in joined) >= 0.7 * len(joined)


def test_what_is_planned_and_what_is_done_do_not_join() -> None:
    score = compare("城南图书馆将推出夜间自习室", "城南图书馆正式推出夜间自习室").score
    assert score < JOIN_SCORE


@pytest.mark.parametrize(
    ("title", "said_"),
    [
        ("METALS-Copper hits 11-month high", "copper hits 11 month high"),
        ("UPDATE 2-Copper hits high", "copper hits high"),
        ("Live-streaming boom ends", "live streaming boom ends"),
        (
            "Flights Oslo – Milan begin in July - The Northern Post",
            "flights oslo milan begin in july",
        ),
    ],
)
def test_what_frames_a_title_is_left_out(title: str, said_: str) -> None:
    assert said(title) == said_


@pytest.mark.parametrize("end", [": ap", " - a", "| a: ap", "reuters, ", " (ap)", "! "])
def test_hostile_31_what_frames_a_title_costs_no_more_the_more_of_it_there_is(end: str) -> None:
    """It was tried in each way to part it: forty agencies behind a title took for ever."""
    assert said(f"Oil rises {end * 160}zzz").startswith("oil rises")


def test_one_word_written_otherwise_is_the_same_word() -> None:
    assert compare("U.S. Navy ship aground off Nordland", "US Navy ship aground off Nordland").same
    assert compare("Farm-worker deal signed in Harlow", "Farm worker deal signed in Harlow").same


def test_the_pairs_are_many_and_balanced() -> None:
    pairs = [pair for path in PAIRS.glob("*.jsonl") for pair in read(path.stem)]
    assert len(pairs) >= 400
    assert len({(pair["a"], pair["b"]) for pair in pairs}) == len(pairs)
    for lang in ("zh", "en"):
        own = [pair for pair in pairs if pair["lang"] == lang]
        assert 0.45 <= len(own) / len(pairs) <= 0.55
        assert {pair["kind"] for pair in own} == {"copy", "rewrite", "follow-up", "look-alike"}
        assert 0.4 <= sum(pair["same"] for pair in own) / len(own) <= 0.6


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("四川芦山发生4.1级地震", "四川芦山发生5.2级地震", False),
        ("预订量同比增长三成的旅游城市", "预订量同比增长30%的旅游城市", True),
        ("某公司今年裁员1.2万人的计划", "某公司今年裁员12000人的计划", True),
        ("Arsenal beat Chelsea 2-0", "Chelsea beat Arsenal 2-0", False),
        ("Arsenal beat Chelsea 2-0", "Chelsea lose 2-0 to Arsenal", True),
        ("石家庄一居民楼发生燃气爆炸", "保定一居民楼发生燃气爆炸", False),
        ("Liverpool's Salah wins award for May", "Arsenal's Saka wins award for May", False),
        ("小店推出某系列耳机", "小店某系列耳机被召回", False),
        ("城北轨道8号线信号出现故障", "城北轨道8号线即将迎来新车", False),
        ("Fed cuts rates by a quarter point", "Fed raises rates by a quarter point", False),
        ("某市公布购房新政策细则", "某市公布购房新政策细则", True),
        ("某厂高管挂印 公司股价承压", "某厂高管请辞 公司股价承压", True),
        ("Copper slips 2% as dollar firms", "Copper jumps 2% as dollar weakens", False),
        (
            "Norway to buy more gas turbines from Siemens",
            "Norway to stop buying gas turbines from Siemens",
            False,
        ),
        (
            "Residents protest plan to close Harlow Library",
            "City to close Harlow Library",
            False,
        ),
        ("Mayor resigns after Harlow Dam bursts", "Harlow Dam bursts", False),
        ("Bakers in Cairo strike", "Egyptian bakers walk out", True),
        (
            "A fire at a Turin paint factory has injured nine workers",
            "Nine workers hurt in paint factory fire in Naples",
            False,
        ),
        ("绵阳一化工园区起火 9名工人受伤", "9名工人受伤 德阳化工园区发生火灾", False),
        ("沪铜上涨 沪铝下跌", "沪铜下跌 沪铝上涨", False),
        (
            "European Handball Federation suspends referee Karlsen",
            "EHF suspends referee Karlsen",
            True,
        ),
        ("Skier dies after avalanche near Zermatt", "Avalanche kills skier near Zermatt", True),
        (
            "Macron visits flooded vineyards near Arles",
            "French president tours flooded vineyards near Arles",
            True,
        ),
        (
            "Dodgers sign pitcher Kessler to five-year deal",
            "Los Angeles land pitcher Kessler on five-year contract",
            True,
        ),
        (
            "Nordhavn signs $6.5bn deal for ferries",
            "Nordhavn signs $6.5 bln deal for ferries",
            True,
        ),
        ("Bus falls into Harlow gorge (AP)", "Sawmill burns in Calder (AP)", False),
        (
            "Tenor Ferri calls off concerts (Reuters)",
            "Tenor Ferri calls off concerts (Update2)",
            True,
        ),
        ("恒川集团18亿拿下城北地块", "恒川集团22亿竞得城北地块", False),
        ("恒川集团18亿拿下城北宅地", "恒川集团18亿竞得城北地块", True),
        ("恒川科技净利少赚近四成", "恒川科技净利润下滑36%", True),
        ("Nimbra unveils trifold tablet", "Nimbra unveils tri-fold tablet - World", True),
        (
            "Harlow's water main bursts for fifth time in a year",
            "Harlow's water main bursts for 5th time in a year",
            True,
        ),
        (
            "Nordland says cholera outbreak is over",
            "Nordland declares end of cholera outbreak",
            True,
        ),
        ("城北某校园霸凌事件引关注", "城北某校园霸凌事件：三人被行拘", False),
        ("新片《城北旧事》定档明年元旦", "新片《城北旧事》票房破亿", False),
        ("城北图书馆失窃古籍", "城北图书馆失窃古籍被追回", False),
        ("天气预报", "天气预报", False),
        ("News", "News", False),
        ("", "", False),
    ],
)
def test_what_must_agree(a: str, b: str, same: bool) -> None:
    assert compare(a, b).same is same


def test_titles_published_more_than_three_days_apart_are_other_news() -> None:
    title, at = "某市公布购房新政策细则", datetime(2026, 3, 1, tzinfo=UTC)
    assert compare(title, title, at, at + timedelta(days=2)).same
    assert not compare(title, title, at, at + timedelta(days=4)).same
    assert compare(title, title, at, None).same


def test_the_later_a_title_comes_the_more_alike_it_must_be() -> None:
    one, other = "Harlow council approves tram line", "Tram line for Harlow gets green light"
    at = datetime(2026, 3, 1, tzinfo=UTC)
    hours = (0, 6, 12, 24, 48, 71)
    scores = [compare(one, other, at, at + timedelta(hours=each)).score for each in hours]
    assert scores[0] == scores[1] == compare(one, other).score
    assert scores[1] > scores[2] > scores[3] > scores[4] == scores[5]
    assert compare(other, one, at + timedelta(hours=24), at).score == scores[3]


def test_a_copy_that_comes_two_days_later_is_a_copy() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    one, other = "快讯｜央行宣布下调存款准备金率0.5个百分点", "央行宣布下调存款准备金率0.5个百分点"
    assert compare(one, other, at, at + timedelta(days=2)).score == 1.0


known = [text for pair in read("train") for text in (pair["a"], pair["b"])]
titles = st.one_of(
    st.sampled_from(known),
    st.text(max_size=60),
    st.lists(st.sampled_from([*"央行宣布涨跌0123456789一二三万%", "Fed", " cuts ", "3-1"])).map(
        "".join
    ),
)


@given(titles, titles)
def test_the_order_of_a_pair_says_nothing(a: str, b: str) -> None:
    assert compare(a, b) == compare(b, a)
    assert 0 <= compare(a, b).score <= 1


@given(titles)
def test_a_title_tells_the_same_as_itself_unless_it_is_short(title: str) -> None:
    assert compare(title, title).same is not wording(title).short


@given(titles, titles)
def test_spellings_that_fold_alike_compare_alike(a: str, b: str) -> None:
    other = unicodedata.normalize("NFD", a).translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)})
    if fold(a).text == fold(other).text:
        assert compare(a, b) == compare(other, b)


@given(st.text(max_size=80))
def test_numbers_of_any_text_can_be_read(text: str) -> None:
    found, rest = numbers.find(fold(text).text)
    assert rest.count("\0") >= len(found)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("致6人死亡", "dead", 6),
        ("at least 20 killed", "dead", 20),
        ("下调50个基点", "%", 0.5),
        ("by a quarter point", "%", 0.25),
        ("增长三成", "%", 30),
        ("约1.2万亿元", "money", 1.2e12),
        ("$5bn deal", "money", 5e9),
        ("第三季度", "quarter", 3),
        ("晚上8点", "hour", 20),
        ("半小时 30分钟", "minutes", 30),
        ("判刑十二年", "years", 12),
        ("2026年", "year", 2026),
        ("iphone 18", "model", 18),
        ("magnitude 6.1", "grade", 6.1),
        ("falls by a third", "%", 33),
        ("kills 17-year-old", "age", 17),
        ("年内第七降", "nth", 7),
        ("fails for fifth time", "nth", 5),
        ("the 21st fair", "nth", 21),
        ("22亿竞得", "money", 2.2e9),
        ("五十万杯", "杯", 5e5),
    ],
)
def test_numbers_by_what_they_count(text: str, kind: str, value: float) -> None:
    [found] = numbers.find(text)[0]
    assert (found.kind, found.value) == (kind, (value,))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("关店三百多家", "关店325家", 1),
        ("关店三百多家", "关店425家", 0),
        ("more than 200 pupils", "215 pupils", 1),
        ("more than 200 pupils", "190 pupils", 1),
        ("more than 250 pupils", "310 pupils", 0),
        ("5g network", "5 networks", 0),
    ],
)
def test_numbers_that_are_told_as_so_many_or_more(one: str, other: str, same: int) -> None:
    assert numbers.agree(numbers.find(one)[0], numbers.find(other)[0])[0] == same


def test_scores_are_read_from_either_side() -> None:
    forms = ("3-1", "1:3", "3比1", "三比一", "1–3")
    assert {numbers.find(form)[0][0].value for form in forms} == {(1.0, 3.0)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("chip 0 0", "chip 0 1"),
        ("Round 3 of the talks ends", "Round 4 of the talks ends"),
        ("第3批名单公布", "第4批名单公布"),
    ],
)
def test_what_differs_in_numbers_alone_is_other_news(one: str, other: str) -> None:
    assert not compare(one, other).same


def test_a_number_may_be_written_with_zeros_before_it() -> None:
    assert compare("Talks of May 05 end in Geneva", "Talks of May 5 end in Geneva").same

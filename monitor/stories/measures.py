"""How numbers are written in titles, and by what it shows what they count. Pure."""

from __future__ import annotations

import re

HAN_DIGITS = dict(zip("零一二三四五六七八九两〇", (*range(10), 2, 0), strict=True))
HAN_UNITS = {"十": 10, "百": 100, "千": 1_000}
HAN_SCALES = {"万": 10_000, "亿": 100_000_000}
_HAN = "".join((*HAN_DIGITS, *HAN_UNITS, *HAN_SCALES))
# A Chinese number is one only before a word of these, or it is part of a word.
_COUNTED = (
    "人名个位死伤成级岁年月日天小分周届次项款家辆架艘条件座栋起种套例吨米公亩枚颗所场轮连%号季点"
    "杯瓶份台只头株册幅倍"
)
_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
WORDS: dict[str, float] = {
    **{word: value for value, word in enumerate(_ENGLISH.split())},
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "hundred": 100,
    "dozen": 12,
    "half": 0.5,
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
# As figures, unless it is a part: a fifth.
_NTH = ["fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
NTH = {word: f"{at}th" for at, word in enumerate(_NTH, 4)}
ORDINAL = re.compile(rf"(?<!\ba )(?<!\bone )\b({'|'.join(NTH)})\b(?![- ]quarter)")
PARTS = {"half": 50.0, "third": 33.0, "quarter": 25.0, "fifth": 20.0, "tenth": 10.0}
SCALES = {
    "百": 1e2, "千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7, "亿": 1e8, "百亿": 1e10,
    "千亿": 1e11, "万亿": 1e12, "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6,
    "b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9, "tn": 1e12, "trn": 1e12, "trillion": 1e12,
    "mln": 1e6, "hundred": 1e2,
}  # fmt: skip
# May and March are left out, and the short form of March: they are words besides.
MONTHS = {
    "january": 1, "february": 2, "april": 4, "june": 6, "july": 7, "august": 8, "september": 9,
    "october": 10, "november": 11, "december": 12, "feb": 2, "apr": 4, "jun": 6, "jul": 7,
    "aug": 8, "sept": 9, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip


def _any(words: object) -> str:
    return "|".join(sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


NUMBER = re.compile(
    rf"""
      (?P<score>(?<![\d.])\d{{1,3}}\ ?[-–—:比]\ ?\d{{1,3}}(?![\d.%]))
        (?!\ ?(?:%|元|亿|万|月|年))
    | (?P<hanscore>[{_HAN}]{{1,3}}比[{_HAN}]{{1,3}})
    | (?P<quarter>(?:第?[一二三四1-4]季度|[一二三四]季报|\bq[1-4](?![0-9])
        |\b(?:{_any(ORDINALS)})[- ]quarter))
    | (?P<fraction>\b(?:a\ )?(?:quarter|half)(?:\ of\ a)?[- ](?:percentage[- ])?point\b)
    | (?P<part>\bby\ (?:a\ |one\ )?(?:half|third|quarter|fifth|tenth)\b
        (?![- ](?:percentage|point)))
    | (?P<month>\b(?:{_any(MONTHS)})\b)
    | (?P<digits>\d[\d,]*(?:\.\d+)?)
      (?P<scale>\ ?(?:万亿|千亿|百亿|千万|百万|亿|万|千|百)
        |(?:\ ?(?:trillion|billion|million|thousand|bln|trn|mln)|(?:bn|tn|mn|m|k|b))(?![a-z]))?
    | (?P<han>[{_HAN}]+(?=多?[{_COUNTED}])|(?<=第)[{_HAN}]{{1,3}}
        |两(?![岸会国地校院党弹制头者旁侧手眼难全极{_HAN}]))
    | (?P<word>\b(?:{_any(WORDS)})\b)
      (?P<wscale>\ (?:hundred|thousand|million|billion|trillion)\b)?
    """,
    re.VERBOSE,
)

# A text without these has no number.
MAY_COUNT = re.compile(
    rf"[0-9{_HAN}]|\b(?:{_any((*WORDS, *MONTHS, *ORDINALS, 'quarter', 'third', 'half'))})\b"
)

_PEOPLE = "余?多?(?:人|名|位|例)?"
_NEAR = r"[^\d,。;]{0,4}?"
_THEN = r"\s(?:[a-z]+\s){0,2}?"
CASUALTIES = {
    "dead": rf"{_PEOPLE}{_NEAR}(?:死|遇难|身亡|丧生)|{_THEN}(?:dead|killed|die|deaths)",
    "hurt": rf"{_PEOPLE}{_NEAR}(?:受伤|伤)|{_THEN}(?:injured|hurt|wounded)",
    "missing": rf"{_PEOPLE}{_NEAR}(?:失踪|失联)|{_THEN}missing",
    "saved": rf"{_PEOPLE}{_NEAR}(?:获救|救出)|{_THEN}(?:rescued|saved)",
    "trapped": rf"{_PEOPLE}{_NEAR}被困|{_THEN}trapped",
}
# What stands behind a number: the pattern, what is counted, and the factor to its unit.
AFTER = [
    (pattern, kind, factor)
    for pattern, kind, factor in (
        (r"\s?(?:%|per ?cent\b|pct\b|个?百分点|percentage[- ]points?)", "%", 1.0),
        (r"[- ]?(?:个?基点|basis[- ]points?|bps?\b)", "%", 0.01),
        (r"[- ]?point\b", "%", 1.0),
        (r"成(?![功为立都员长人交年])", "%", 10.0),
        (r"级|[- ]magnitude", "grade", 1.0),
        (r"周?岁|[- ]years?[- ]old", "age", 1.0),
        (r"个?小时|[- ]hours?\b", "minutes", 60.0),
        (r"分钟|[- ]minutes?\b", "minutes", 1.0),
        (r"天|[- ]days?\b", "days", 1.0),
        (r"个?月(?![饼球亮])", "month", 1.0),
        (r"日(?!元|本)", "day", 1.0),
        (r"(?:st|nd|rd|th)\b", "nth", 1.0),
        (r"号", "model", 1.0),
        (r"点(?![半多名球赞])", "hour", 1.0),
        (r"年|[- ]years?\b", "years", 1.0),
        *((pattern, kind, 1.0) for kind, pattern in CASUALTIES.items()),
        (r"(?:美|欧|日|港)?元|英镑|人民币", "money", 1.0),
        (r"\s(?:u\.?s\.? )?(?:dollars?|euros?|pounds?|yuan|yen)", "money", 1.0),
        (r"\s?(?:公里|km|kilomet\w+|miles?)", "distance", 1.0),
    )
]  # fmt: skip

# All of them at once: the group is numbered as its pattern.
ANY_AFTER = re.compile("|".join(f"(?P<k{at}>{each[0]})" for at, each in enumerate(AFTER)))

# What is counted is what stands here, whatever stands before: kills 17-year-old.
SURELY_AFTER = re.compile(r"周?岁|[- ]years?[- ]old|个?小时|[- ]hours?\b|[- ]minutes?\b")

_LEAST = r"\s(?:at least |more than |nearly |over |all |another )?$"
_SERIES = (
    "iphone ipad galaxy mate pura nova ios ipados macos watchos windows android model gpt "
    "claude gemini llama harmonyos playstation switch pixel boeing formula flight 鸿蒙 麒麟 骁龙"
)
# What stands before a number.
BEFORE = [
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"[$€£¥]\s?$", "money"),
        (r"(?:magnitude|mag|category)[- ]$", "grade"),
        (r"\b(?:aged|age|dies at|dead at|died at|dies, aged|享年)\s?$", "age"),
        (rf"\b(?:kill(?:s|ed|ing)?|claim(?:s|ed)?|dead:?){_LEAST}", "dead"),
        (rf"\btoll (?:of|at|to|reaches|rises to|climbs to|hits){_LEAST}", "dead"),
        (rf"\b(?:injur(?:es|ed|ing)|wound(?:s|ed|ing)|hurt(?:s|ing)?){_LEAST}", "hurt"),
        (r"(?:遇难|死亡)(?:人数)?(?:升|增|上升|已)?(?:至|到|达|为)?$", "dead"),
        (rf"\b(?:{_any(_SERIES.split())})[- ]?$", "model"),
        (r"第$", "nth"),
    )
]  # fmt: skip

ANY_BEFORE = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in BEFORE))

ROUGH_BEFORE = re.compile(
    r"(?:约|近|超|逾|超过|突破|至少|达到?|about|nearly|over|above|than|almost|around|least|some"
    r"|up to)\s?[$€£¥]?\s?$"
)
LEAST_BEFORE = re.compile(
    r"(?:超|逾|超过|突破|至少|over|above|(?:more|higher) than|at least)\s?[$€£¥]?\s?$"
)
ROUGH_AFTER = re.compile(r"\s?(?:余|多|以上|\+)")
AFTERNOON = re.compile("(?:下午|晚上|傍晚|晚)$")
DETAINED = re.compile("拘留$")
UNIT = re.compile(r"[- ]?(?:个|余|多)*([\u4e00-\u9fff]|[a-z]{3,})?")
COUNTED = frozenset("人吨斤户次台辆部件度立平千票份株头只箱桶")
UNITS = dict.fromkeys((*"名位人", "people", "person", "workers"), "人")

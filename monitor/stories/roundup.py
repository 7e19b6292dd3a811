"""Whether a title lists several pieces of news: a morning's briefing, a day's announcements. Pure.

It tells each of them, and is none of them: were it the same news as one, all would be one story.
"""

from __future__ import annotations

import re

# So many parts with semicolons between, each of so many characters, are a list.
PARTS, LETTERS = 3, 5
# What a regular briefing is called. 科技日报, 联合早报 and their like are newspapers.
_PAPERS = "(?:早报|晚报|午报|周报|(?<![0-9])日报|早餐|夜报)"
_CHINESE = re.compile(
    f"(?:月[0-9]{{1,2}}日|周[一二三四五六日]|星期[一二三四五六日天]|今日|每日|一周|本周)[^|:]{{0,6}}"
    f"(?:{_PAPERS}|要闻|速览|汇总|盘点|简报)"
    "|(?:投资|财经|股市|互联网|派|新闻|公告|市场|行业|期货|债市|外汇|大模型|ai)(?:早报|晚报|午报|周报|早餐)"
    "|(?<![没要提才不应])[早晚]知道(?=$|[|:])|早参|早班车"
    "|(?:要闻|公告|新闻|资讯|快讯|消息)(?:速览|汇总|精选|一览|集锦|回顾|盘点|速递)"
)
_ENGLISH = re.compile(
    r"\b(?:morning|evening|daily|weekly|midday|news|markets?|weekend|today's"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
    r" (?:briefing|brief|roundup|round-up|digest|wrap|recap|rundown)\b"
    r"|\b(?:news|weekly|week's|market) in brief\b|\btop (?:stories|headlines)\b"
)


def is_roundup(folded: str) -> bool:
    """Whether a folded title lists several pieces of news."""
    if folded.isascii():  # its semicolons are often what is left of an entity
        return bool(_ENGLISH.search(folded))
    parts = [part for part in folded.split(";") if len(part.strip()) >= LETTERS]
    return len(parts) >= PARTS or bool(_CHINESE.search(folded))

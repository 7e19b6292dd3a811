"""Titles that list several pieces of news are the same news as none of these."""

from __future__ import annotations

import pytest

from monitor.stories.compare import compare
from monitor.stories.roundup import is_roundup
from monitor.text import fold


@pytest.mark.parametrize(
    "title",
    [
        "3月1日投资早报｜北林科技净利润预增两倍，南川股份预亏6亿元，今日一只新股上市",
        "派早报：北林发布新款手机、南川模型更新等",
        "北林科技宣布停产旧款轿车；南川股份申请发射卫星；东港新一轮融资 | 极客早知道",
        "5月4日上市公司晚间公告速递",
        "财经早知道：隔夜外盘与今日大事",
        "股市在线:2月24日股市早班车",
        "Morning briefing: Harlow council approves tram line, and more",
        "Your Wednesday Briefing: A storm, a strike and a final",
        "Markets wrap: shares slip as oil jumps",
    ],
)
def test_a_list_of_news_is_known(title: str) -> None:
    assert is_roundup(fold(title).text)


@pytest.mark.parametrize(
    "title",
    [
        "科技日报：北林科技发布新款轿车",
        "新民晚报｜城南图书馆将推出夜间自习室",
        "招聘100名教师 5月21日至23日报名",
        "买房后悔没早知道，这两层楼不要买",
        "央行下调存款准备金率0.5个百分点；释放长期资金1万亿元",
        "Navy ship runs aground off Nordland; no injuries; crew safe",
        "Minister's briefing on floods is cancelled",
        "",
    ],
)
def test_one_piece_of_news_is_no_list(title: str) -> None:
    assert not is_roundup(fold(title).text)


def test_who_is_told_in_a_list_is_not_the_list() -> None:
    one, other = "北林科技：2025年净利润预增231%", "南川股份：2025年预亏6.5亿元"
    both = "3月1日投资早报｜北林科技2025年净利润预增231%，南川股份2025年预亏6.5亿元"
    assert not compare(one, both).same
    assert not compare(both, other).same
    assert compare(both, "快讯｜" + both).same

"""Titles of languages that the model does not read are unsure, whatever names they share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from classifiers import strange
from classifiers.compiled import Scorer
from classifiers.examples import training_folder
from classifiers.explain import explain
from classifiers.registry import starter_folder

ELSEWHERE = """La France remporte la Coupe du monde face a l'Argentine
Apple dévoile son nouvel iPhone à Paris
Renault présente la nouvelle Twingo électrique
Microsoft stellt neue KI-Funktionen vor
Der neue James-Bond-Film kommt im November ins Kino
El precio de la vivienda sube un 8% en Madrid
Samsung lanza el Galaxy S26 en México
La Juventus vince il derby contro il Torino
Neymar volta ao Santos e marca dois gols
Galatasaray Fenerbahçe derbisini kazandı
Max Verstappen wint Grand Prix van Zandvoort
Nowy model Skody trafi do salonów
Volvo lanserar ny elbil
Manchester United kalahkan Arsenal di Old Trafford
東京で新型インフルエンザの感染者が増加
トヨタが新型電気自動車を発売へ
삼성전자 신형 스마트폰 공개
Новый смартфон Samsung представлен
ตลาดหุ้นไทยวันนี้ปรับขึ้น
فوز منتخب المغرب على البرتغال""".splitlines()
HERE = """Arsenal beat Chelsea 2-0 to go top of the Premier League
Apple unveils a thinner iPhone with a better camera
Fed cuts interest rates by a quarter point
Max Verstappen takes pole at the Dutch Grand Prix
国足2比0击败越南队
央行宣布下调存款准备金率
苹果发布新款iPhone，续航更长
比亚迪新款纯电SUV上市 售价15.98万元起""".splitlines()


@pytest.fixture(scope="module", params=["compiled", "NumPy"])
def starter(request: pytest.FixtureRequest) -> Iterator[Scorer]:
    found = Scorer.load(starter_folder())
    yield found if request.param == "compiled" else replace(found, scanner=None)


@pytest.mark.parametrize("title", ELSEWHERE)
def test_titles_of_other_languages_are_unsure(title: str, starter: Scorer) -> None:
    assert starter.score([title])[0].unsure


@pytest.mark.parametrize("title", HERE)
def test_titles_of_the_projects_languages_are_not(title: str, starter: Scorer) -> None:
    assert not starter.score([title])[0].unsure
    assert explain(starter, title).familiarity > 0.5


@pytest.mark.parametrize("word", ["football ", "足球", "a b "])
def test_a_megabyte_of_one_word_is_unsure(word: str, starter: Scorer) -> None:
    assert starter.score([word * 300_000])[0].unsure


def test_gibberish_around_one_word_is_unsure(starter: Scorer) -> None:
    assert starter.score(["zzz zzz zzz football zzz zzz zzz zzz"])[0].unsure


def test_an_explanation_says_that_a_strange_title_is_not_familiar(starter: Scorer) -> None:
    assert explain(starter, ELSEWHERE[0]).familiarity == 0


def test_what_is_learnt_as_strange_stands_in_no_language_of_the_project() -> None:
    own = {
        line
        for kind in ("headlines", "terms")
        for file in (training_folder() / kind).glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    assert len(strange.strange_titles()) > 300
    assert not own & set(strange.strange_titles())


def test_the_limit_lets_unseen_titles_through() -> None:
    titles = ["a plain title"] * 1000 + ["中文标题"] * 1000
    strangeness = np.concatenate([np.linspace(-2, -1, 1000), np.full(1000, -3.0)])
    found = strange.limit(titles, strangeness)
    assert np.count_nonzero(strangeness > found) == 5


def test_few_latin_titles_are_no_measure() -> None:
    assert strange.limit(["标题", "题目"], np.array([-2.0, -1.0])) == -1.0

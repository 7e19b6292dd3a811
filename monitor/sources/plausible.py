"""How much a decoded text looks like the language its charset is for. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import islice

_SAMPLE = 120
_HEAD = 2000
_PLACES = 40
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_FOREIGN_RUN = re.compile(r"[^\x00-\x7f]+")
_TOP = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后"
    "作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因"
    "只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应"
    "战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿"
    "原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太"
    "量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界"
    "达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今"
    "切院让识候带导争运京网站闻讯评图片华股价车房球赛奥委省县购售银投基证券综影视娱乐游戏博客"
    "這個們為國說時會對過發後裡裏學當沒動進樣經開實軍無與長機關點業將兩間問戰頭體見產話內給門兒東聲"
    "員論處義幾認條氣題爾別變總電數報結務場計資許統區隊決馬書則聽卻達強難權設記類據邊張該規萬覺術領"
    "確傳師觀讓識帶導爭運網聞訊評圖華價車賽購銀證綜視娛樂遊戲灣臺香港"
)
_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》【】「」『』…—·－～％　–•©®«»€№°")


def plausibility(text: str, charset: str) -> float:
    """0 (noise) to 1 (natural); 0.5 for a text without a single non-ASCII character."""
    weigh = _weight(charset)
    head = text[:_HEAD]
    if weigh is None:
        places = [found.start() for found in islice(_FOREIGN.finditer(head), _PLACES)]
        places = places or [found.start() for found in islice(_FOREIGN.finditer(text), _PLACES)]
        return sum([_alphabetic(text, at) for at in places]) / len(places) if places else 0.5
    sample = "".join(_FOREIGN_RUN.findall(head))
    if len(sample) < _SAMPLE and len(text) > _HEAD:
        sample = "".join(_FOREIGN_RUN.findall(text))
    counts = Counter(sample[:_SAMPLE])
    total = sum([weigh(char) * times for char, times in counts.items()])
    return total / counts.total() if sample else 0.5


def _weight(charset: str) -> Callable[[str], float] | None:
    """How a character of a charset's language counts; None for alphabets."""
    if charset in {"gb18030", "big5hkscs"}:
        return functools.partial(_chinese, charset=charset)
    if charset in {"cp932", "euc_jp"} or charset.startswith("iso2022_jp"):
        return _japanese
    return _korean if charset in {"cp949", "johab"} else None


def _chinese(char: str, charset: str) -> float:
    if char in _TOP or char in _PUNCTUATION:
        return 1.0
    if char == "\ufffd":
        return -5.0
    if char in _common_ideographs(charset):
        return 0.6
    return 0.5 if "\uff01" <= char <= "\uff5e" else 0.0


def _japanese(char: str) -> float:
    if "\u3041" <= char <= "\u30fe" or char in _PUNCTUATION:
        return 1.0
    if char == "\ufffd":
        return -5.0
    return 0.6 if "\u4e00" <= char <= "\u9fff" or "\uff01" <= char <= "\uff5e" else 0.0


def _korean(char: str) -> float:
    if char in _common_hangul() or char in _PUNCTUATION:
        return 1.0
    if char == "\ufffd":
        return -5.0
    return 0.1 if "\u4e00" <= char <= "\u9fff" else 0.0


def _alphabetic(text: str, index: int) -> float:
    """A letter counts when its neighbours are of its script and its case follows theirs."""
    char = text[index]
    if char in _PUNCTUATION or char == "\xa0":
        return 1.0
    if char == "\ufffd":
        return -5.0
    if not char.isalpha() and not unicodedata.combining(char):
        return 0.0
    before = text[index - 1] if index else " "
    if char.isupper() and before.islower():
        return 0.0
    if char < "\u0250":  # Latin: accented letters stand between plain ones
        after = text[index + 1 : index + 2]
        return 1.0 if before < "\x7f" or after < "\x7f" else 0.0
    return 0.0 if before.isalpha() and before.isascii() else 1.0


@functools.cache
def _common_ideographs(charset: str) -> frozenset[str]:
    """The level of frequent characters in GB 2312 and in Big5."""
    if charset == "gb18030":
        rows, cells, codec = range(0xB0, 0xD8), [range(0xA1, 0xFF)], "gb2312"
    else:
        rows, cells, codec = range(0xA4, 0xC7), [range(0x40, 0x7F), range(0xA1, 0xFF)], "big5"
    pairs = (bytes((row, cell)) for row in rows for span in cells for cell in span)
    return frozenset("".join(pair.decode(codec, "ignore") for pair in pairs))


@functools.cache
def _common_hangul() -> frozenset[str]:
    """The 2,350 syllables of KS X 1001."""
    pairs = (bytes((row, cell)) for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF))
    return frozenset("".join(pair.decode("euc_kr", "ignore") for pair in pairs))

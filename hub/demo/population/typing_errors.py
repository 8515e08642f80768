"""How names and numbers change between a person's papers and a county's screen.

Each function takes the true text and gives a wrong one; where the text offers no hold for that fault it comes back
unchanged, so callers compare to know whether the fault happened.
"""

from functools import cache
from random import Random

from hub.demo.population.draws import pick
from hub.demo.population.given_names import FASHIONS
from hub.demo.population.resident_ids import old_form
from hub.demo.population.surnames import COMPOUND_SURNAMES

_TRADITIONAL_PAIRS = (
    "刘劉 陈陳 张張 杨楊 赵趙 黄黃 吴吳 孙孫 马馬 罗羅 郑鄭 谢謝 许許 邓鄧 冯馮 韩韓 叶葉 萧蕭 蒋蔣 苏蘇 吕呂 卢盧 钟鍾 谭譚 陆陸 贾賈 "
    "韦韋 邹鄒 龙龍 贺賀 顾顧 龚龔 万萬 钱錢 严嚴 庄莊 颜顏 鲁魯 关關 兰蘭 国國 华華 军軍 伟偉 东東 庆慶 荣榮 兴興 丽麗 凤鳳 红紅 艳豔 "
    "莲蓮 静靜 云雲 爱愛 学學 义義 贤賢 礼禮 宝寶 发發 飞飛 鹏鵬 杰傑 强強 辉輝 涛濤 刚剛 铭銘 锋鋒 颖穎 莹瑩 "
    "琼瓊 双雙 园園 怀懷 胜勝 远遠 进進 连連 岁歲 卫衛 乐樂 应應 汤湯 温溫 齐齊 乔喬 庞龐 岳嶽 单單 骆駱 饶饒 阳陽 欧歐 洁潔 "
)
_TRADITIONAL = {pair[0]: pair[1] for pair in _TRADITIONAL_PAIRS.split()}

_VARIANT_GROUPS = (
    "闫阎 傅付 肖萧 邱丘 戴代 蓝兰 峰峯 群羣 升昇 晖暉 煊暄 炜伟 玮伟 芸云 彬斌 昆坤崑 秋秌 哲喆 淼渺 娅亚 雁燕 彩采 "
    "钰玉 珮佩 苹萍 秀绣 锦绵 淑叔 幸辛 荣蓉 昌倡 沈沉 翟瞿 余佘 佟佟 洁婕 闵闽 尹伊 旺望 桂贵 详祥 宏洪 兴新 永勇 "
)
_LOOK_ALIKE_GROUPS = (
    "己已巳 末未 土士 侯候 晴睛 明朋 玉王 天夫 田由甲申 丽俪 莉荷 玲铃伶 佳住 怡恰 洁浩 波坡 峰锋烽 辉晖珲 伟玮炜 斌彬 磊垒 建健键 "
    "国围 平乎 林材 宇字 涵函 诗待 妍研 琪淇 瑶遥谣 晨辰 泽译择 皓皎 铭名 海诲 梅悔 芳劳 琴芩 敏敝 娟捐 霞霰 倩情 颖颍 茜西 婷停 "
    "欣欢 萱宣 杰木 强弦 亮高 刚钢 涛淘 鹏朋 兵乒 荣菜 祥样 志忘 忠患 俊峻竣 英央 秀季 兰三 桂挂 珍诊 素索 春舂 云去 文丈 军车 "
)
DOTS = ("•", "・", "．", ".", "‧", " ", "")
"""What becomes of the middle dot of a name; the last two are a blank and nothing at all."""

PLACEHOLDERS = ("0" * 18, "1" * 18, "9" * 18, "123456789012345678", "无", "不详", "-")


def _groups(text: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for group in text.split():
        for character in group:
            table[character] = table.get(character, "") + group.replace(character, "")
    return {character: others for character, others in table.items() if others}


_VARIANTS = _groups(_VARIANT_GROUPS)
_LOOK_ALIKES = _groups(_LOOK_ALIKE_GROUPS)


@cache
def _homophones() -> dict[str, str]:
    """Characters used in given names, each with the others that are typed by the same pinyin."""
    # Its tables take a third of a second to load, which a county's server that only serves must not wait for.
    from pypinyin import lazy_pinyin

    characters = sorted({c for fashion in FASHIONS for c in fashion.characters} | set(_VARIANTS) | set(_LOOK_ALIKES))
    by_sound: dict[str, str] = {}
    for character in characters:
        sound = lazy_pinyin(character)[0]
        by_sound[sound] = by_sound.get(sound, "") + character
    return {c: group.replace(c, "") for group in by_sound.values() for c in group if len(group) > 1}


def _exchange_one(rng: Random, text: str, table: dict[str, str], start: int = 0) -> str:
    places = [i for i in range(start, len(text)) if text[i] in table]
    if not places:
        return text
    place = pick(rng, places)
    return text[:place] + pick(rng, table[text[place]]) + text[place + 1 :]


def given_start(name: str) -> int:
    """Where the given name begins in a Han name."""
    return 2 if name[:2] in COMPOUND_SURNAMES else 1


def homophone(rng: Random, name: str) -> str:
    """Another character of the same sound in the given name (the input method's first suggestion)."""
    return _exchange_one(rng, name, _homophones(), given_start(name))


def look_alike(rng: Random, name: str) -> str:
    return _exchange_one(rng, name, _LOOK_ALIKES, given_start(name))


def variant(rng: Random, name: str) -> str:
    """A variant form that people themselves use (闫/阎, 肖/萧, 斌/彬)."""
    return _exchange_one(rng, name, _VARIANTS)


def traditional(name: str) -> str:
    return "".join(_TRADITIONAL.get(character, character) for character in name)


def character_lost(rng: Random, name: str) -> str:
    """A two-character given name that lost one of them."""
    start = given_start(name)
    if len(name) - start < 2:
        return name
    place = start + int(rng.random() * (len(name) - start))
    return name[:place] + name[place + 1 :]


def digit_error(rng: Random, number: str) -> str:
    """One slip of the finger: two neighbours exchanged, one digit wrong, one missing or one doubled."""
    if len(number) < 4:
        return number
    place = int(rng.random() * (len(number) - 2)) + 1
    kind = rng.random()
    if kind < 0.40 and number[place] != number[place + 1]:
        return number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if kind < 0.86:
        digit = str((int(number[place]) + 1 + int(rng.random() * 9)) % 10)
        return number[:place] + digit + number[place + 1 :]
    if kind < 0.95:
        return number[:place] + number[place + 1 :]
    return number[:place] + number[place] + number[place:]


def placeholder(rng: Random, number: str) -> str:
    """What a clerk types when the form insists on a number."""
    if rng.random() < 0.3:
        return f"000000{number[6:14]}0000"
    return pick(rng, PLACEHOLDERS)


def as_spreadsheet_number(number: str) -> str:
    """What a spreadsheet leaves of a long number: three to six significant digits."""
    return f"{float(number.replace('X', '0')):.5E}"


def to_old_form(number: str) -> str:
    """The 15-digit number of somebody old enough to have had one."""
    return old_form(number)

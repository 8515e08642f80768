"""Surnames with their rough share of the population, per ten thousand, written down from common knowledge.

The skew is what matters to matching: five surnames cover almost a third of all people. Compound surnames are
over-represented on purpose, so that every story meets some.
"""

_COMMON = """
王 720 李 715 张 680 刘 540 陈 450 杨 310 黄 225 赵 210 吴 200 周 190 徐 150 孙 148 马 132 朱 128 胡 126 郭 122 何 118
林 114 高 110 罗 100 郑 94 梁 88 谢 80 宋 78 唐 72 许 70 邓 66 冯 64 韩 62 曹 60 曾 60 彭 58 肖 56 蔡 54 潘 52 田 51 董 51
袁 50 于 49 余 49 叶 48 蒋 48 杜 46 苏 46 魏 46 程 45 吕 45 丁 44 沈 42 任 42 姚 41 卢 41 傅 36 钟 39 姜 39 崔 38 谭 38
廖 37 范 36 汪 36 陆 35 金 35 石 34 戴 33 贾 33 韦 33 夏 32 邱 32 方 31 侯 30 邹 30 熊 29 孟 29 秦 28 白 28 江 28 闫 26
薛 26 尹 26 段 25 雷 25 黎 24 史 24 龙 24 陶 23 贺 23 顾 22 毛 22 郝 22 龚 22 邵 21 万 21 钱 21 严 20 覃 20 武 19 莫 19
孔 18 向 18 汤 18 常 17 温 17 康 16 施 16 文 16 牛 16 樊 16 葛 15 邢 15 安 14 齐 14 易 14 乔 14 伍 13 庞 13 颜 12 倪 12
庄 12 聂 12 章 12 鲁 11 岳 11 翟 11 殷 11 詹 11 申 11 欧 10 耿 10 关 10 兰 10 焦 10 俞 10 左 9 柳 9 甘 9 祝 9 包 9 宁 8
尚 8 符 8 舒 8 阮 8 柯 8 纪 8 梅 8 童 8 凌 8 毕 8 单 7 季 7 裴 7 霍 7 涂 7 成 7 苗 7 谷 7 盛 7 曲 7 翁 7 冉 7 骆 7 蓝 7
路 7 游 6 辛 6 靳 6 欧阳 12 管 6 柴 6 蒙 6 鲍 6 华 6 喻 6 祁 6 蒲 6 房 6 滕 5 屈 5 饶 5 解 5 牟 5 艾 5 尤 5 阳 5 时 5
穆 5 农 5 司 5 卓 5 古 5 吉 5 缪 4 简 4 车 4 项 4 连 4 芦 4 麦 4 褚 4 娄 4 窦 4 戚 4 岑 4 景 4 党 4 宫 4 费 4 卜 4 冷 4
晏 3 席 3 卫 3 米 3 柏 3 宗 3 瞿 3 桂 3 全 3 佟 3 应 3 臧 3 闵 3 苟 3 邬 3 边 3 卞 3 姬 3 师 3 和 3 仇 3 栾 3 隋 3 商 3
刁 3 沙 3 荣 3 巫 3 寇 3 桑 3 郎 3 甄 3 丛 3 仲 3 虞 3 敖 3 巩 3 明 3 佘 3 池 2 查 2 麻 2 苑 2 迟 2 邝 2 官 2 封 2
谈 2 匡 2 鞠 2 惠 2 荆 2 乐 2 冀 2 胥 2 郁 2 南 2 班 2 储 2 原 2 栗 2 燕 2 楚 2 鄢 2 劳 2 谌 2 奚 2 皮 2 粟 2 冼 2
蔺 2 楼 2 盘 2 满 2 闻 2 位 2 厉 2 伊 2 仝 2 区 2 郜 2 海 2 阚 2 花 2 权 2 强 2 帅 2 屠 2 豆 2 朴 2 盖 2 练 2 廉 2
"""

_COMPOUND = """
上官 3 司马 3 诸葛 4 司徒 3 皇甫 3 尉迟 2 公孙 2 慕容 2 令狐 3 夏侯 2 端木 2 东方 2 申屠 2 呼延 1 长孙 1 宇文 1 南宫 1
"""


def _parse(table: str) -> dict[str, int]:
    words = table.split()
    return {name: int(weight) for name, weight in zip(words[::2], words[1::2], strict=True)}


SURNAMES: dict[str, int] = _parse(_COMMON) | _parse(_COMPOUND)
COMPOUND_SURNAMES: frozenset[str] = frozenset(name for name in SURNAMES if len(name) > 1)

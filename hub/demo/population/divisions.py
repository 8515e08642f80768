"""The places of the story: county-level divisions with earlier codes and names, towns of the two counties, and street
addresses. Codes and names are those of GB/T 2260; towns, villages and house numbers are invented or generic.
"""

from dataclasses import dataclass
from random import Random

from hub.demo.population.draws import Wheel, pick, words

YONGKANG, HUIJI, JINJIANG = "330784", "410108", "350582"


@dataclass(frozen=True, slots=True)
class County:
    code: str
    province: str
    city: str
    name: str
    weight: float = 1.0
    former_code: str = ""
    former_name: str = ""
    changed: int = 0
    """Year from which code and name are the present ones."""
    ethnicities: str = "01"
    """GB/T 3304 codes of the people who come from here, the commonest repeated."""

    def prefix(self, year: int) -> str:
        """First six digits of the resident ID of somebody born here in `year`."""
        return self.former_code if self.former_code and year < self.changed else self.code


def _county(row: str) -> County:
    code, province, city, name, weight, former_code, former_name, changed, ethnicities = row.split("|")
    return County(
        code, province, city, name, float(weight), former_code, former_name, int(changed or 0), ethnicities or "01"
    )


COUNTIES: dict[str, County] = {
    county.code: county
    for county in map(
        _county,
        """\
330784|浙江省|金华市|永康市|0|||0|
410108|河南省|郑州市|惠济区|0||邙山区|2003|
350582|福建省|泉州市|晋江市|1|||0|
410122|河南省|郑州市|中牟县|2|||0|
410181|河南省|郑州市|巩义市|1|||0|
410182|河南省|郑州市|荥阳市|2|||0|
411722|河南省|驻马店市|上蔡县|3|412825||2000|
411625|河南省|周口市|郸城县|3|412726||2000|
411481|河南省|商丘市|永城市|2|||0|
341221|安徽省|阜阳市|临泉县|4|||0|
341225|安徽省|阜阳市|阜南县|4|||0|
341226|安徽省|阜阳市|颍上县|3|||0|
340121|安徽省|合肥市|长丰县|1|||0|
360121|江西省|南昌市|南昌县|2|||0|
361121|江西省|上饶市|上饶县|3|||0|
420281|湖北省|黄石市|大冶市|1|||0|
421126|湖北省|黄冈市|蕲春县|2|||0|
430181|湖南省|长沙市|浏阳市|1|||0|
430524|湖南省|邵阳市|隆回县|2|||0|01 01 01 03
433127|湖南省|湘西土家族苗族自治州|永顺县|2|||0|15 15 15 06 01
441803|广东省|清远市|清新区|1|441827|清新县|2012|
450881|广西壮族自治区|贵港市|桂平市|2|||0|01 01 08
451081|广西壮族自治区|百色市|靖西市|2|451025|靖西县|2015|08 08 08 01
500154|重庆市||开州区|3|500234|开县|2016|
500101|重庆市||万州区|2|||0|
510722|四川省|绵阳市|三台县|2|||0|
511321|四川省|南充市|南部县|2|||0|
513431|四川省|凉山彝族自治州|昭觉县|2|||0|07 07 07 01
520203|贵州省|六盘水市|六枝特区|3|||0|01 01 06 09 07
520502|贵州省|毕节市|七星关区|4|522401|毕节市|2011|01 01 07 06
520524|贵州省|毕节市|织金县|4|522425||2011|01 06 07
520304|贵州省|遵义市|播州区|2|520321|遵义县|2016|
530381|云南省|曲靖市|宣威市|2|||0|01 01 07
530627|云南省|昭通市|镇雄县|4|532128||2001|01 01 07 06
620422|甘肃省|白银市|会宁县|1|||0|
640522|宁夏回族自治区|中卫市|海原县|1|||0|03 03 01
653101|新疆维吾尔自治区|喀什地区|喀什市|1|||0|05 05 05 01
653125|新疆维吾尔自治区|喀什地区|莎车县|1|||0|05
654021|新疆维吾尔自治区|伊犁哈萨克自治州|伊宁县|0.6|||0|05 17 17
540102|西藏自治区|拉萨市|城关区|0.6|||0|04
150102|内蒙古自治区|呼和浩特市|新城区|1|||0|01 02
220182|吉林省|长春市|榆树市|1|||0|
371321|山东省|临沂市|沂南县|1|||0|
371702|山东省|菏泽市|牡丹区|1|||0|
""".splitlines(),
    )
}

TOWNS: dict[str, tuple[tuple[str, str], ...]] = {
    YONGKANG: (
        ("001", "东城街道"),
        ("002", "西城街道"),
        ("003", "江南街道"),
        ("100", "石柱镇"),
        ("101", "前仓镇"),
        ("102", "舟山镇"),
        ("103", "古山镇"),
        ("104", "方岩镇"),
        ("105", "龙山镇"),
        ("106", "西溪镇"),
        ("107", "象珠镇"),
        ("108", "唐先镇"),
        ("109", "花街镇"),
        ("110", "芝英街道"),
    ),
    HUIJI: (
        ("001", "新城街道"),
        ("002", "刘寨街道"),
        ("003", "老鸦陈街道"),
        ("004", "长兴路街道"),
        ("005", "迎宾路街道"),
        ("006", "大河路街道"),
        ("100", "花园口镇"),
        ("101", "古荥镇"),
    ),
}
_OTHER_TOWNS = (("001", "城关街道"), ("100", "城关镇"), ("101", "东关镇"), ("200", "新民乡"), ("201", "龙泉乡"))
_VILLAGES = words("东山 西街 南坪 下李 上陈 大屋 新塘 石桥 岭下 后王 前张 白沙 黄岗 马庄 双桥 古城 柳林 和平 幸福 胜利")
_STREETS = words("九龙 金城 望春 城南 民主 兴达 长城 天河 开元 英才 江山 迎宾 文化 香山 建设 解放 人民 中山")

_ORIGINS = Wheel({code: county.weight for code, county in COUNTIES.items() if county.weight})


@dataclass(frozen=True, slots=True)
class Address:
    """A place to live, true in every part: 12-digit division and the words below the county."""

    division: str
    town: str
    rest: str

    @property
    def county(self) -> County:
        return COUNTIES[self.division[:6]]

    def text(self, *, province: bool = True, former: bool = False) -> str:
        """As written on a form, with or without the province, with the county's present or former name."""
        county = self.county
        name = county.former_name if former and county.former_name else county.name
        return f"{county.province if province else ''}{county.city}{name}{self.town}{self.rest}"


def other_county(rng: Random) -> str:
    """A county where migrants come from, other than the two of the story."""
    return _ORIGINS.draw(rng)


def rural_address(rng: Random, county: str) -> Address:
    """Where a family is registered: town, village, group and house."""
    number, town = pick(rng, TOWNS.get(county, _OTHER_TOWNS))
    village = int(rng.random() * len(_VILLAGES))
    rest = f"{_VILLAGES[village]}村{int(rng.random() * 12) + 1}组{int(rng.random() * 180) + 1}号"
    return Address(f"{county}{number}{200 + village:03d}", town, rest)


def urban_address(rng: Random, county: str) -> Address:
    """Where migrants live: street, house, sometimes a rented room."""
    number, town = pick(rng, TOWNS.get(county, _OTHER_TOWNS))
    street = int(rng.random() * len(_STREETS))
    rest = f"{_STREETS[street]}路{int(rng.random() * 400) + 1}号"
    if rng.random() < 0.6:
        rest += f"{int(rng.random() * 6) + 1}幢{int(rng.random() * 6) + 1}0{int(rng.random() * 4) + 1}室"
    return Address(f"{county}{number}{1 + street:03d}", town, rest)

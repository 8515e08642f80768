"""What each level means, in words, English and Chinese, and whether it counts as same, similar, different or missing."""

from typing import Literal

Relation = Literal["same", "similar", "differs", "missing"]

FIELDS: dict[str, tuple[str, str]] = {
    "prior": ("starting point", "起始概率"),
    "resident_id": ("resident ID", "身份证号"),
    "document": ("other identity document", "其他证件"),
    "surname": ("surname", "姓"),
    "given": ("given name", "名"),
    "sex": ("sex", "性别"),
    "birth": ("birth date", "出生日期"),
    "phone": ("phone", "电话"),
    "origin": ("registered home", "户籍地"),
    "residence": ("place of residence", "现居住地"),
    "postal": ("postal code", "邮政编码"),
    "spouse": ("spouse", "配偶"),
    "parents": ("parents", "父母"),
    "children": ("children", "子女"),
    "kin": ("relatives named", "亲属关系"),
    "ethnicity": ("ethnicity", "民族"),
    "dependence": ("counted once", "去除重复计算"),
}

_MISSING: tuple[Relation, str, str] = (
    "missing",
    "Missing on one side or both; says nothing.",
    "一方或双方缺失，不作判断。",
)
_PLACE: dict[str, tuple[Relation, str, str]] = {
    "differs": ("differs", "Different regions.", "地区不同。"),
    "unlike": ("differs", "Different addresses; neither names its region by code.", "地址不同，双方均无区划代码。"),
    "same-prefecture": ("similar", "Same prefecture, another county.", "同一地市，不同县区。"),
    "same-county": (
        "similar",
        "Same county; the address below it differs or is not given.",
        "同一县区，详细地址不同或缺失。",
    ),
    "same-town": ("similar", "Same township; the address below it differs.", "同一乡镇街道，详细地址不同。"),
    "same-short": ("similar", "Same county and the same short address.", "同一县区，简短地址一致。"),
    "similar": ("similar", "Nearly the same address.", "地址基本一致。"),
    "same": ("same", "Same address.", "地址一致。"),
}

LEVELS: dict[str, dict[str, tuple[Relation, str, str]]] = {
    "resident_id": {
        "differs-checked": (
            "differs",
            "Two different numbers, both with a right check digit.",
            "两个号码不同，且校验码均正确。",
        ),
        "differs": ("differs", "Different numbers; at least one cannot be checked.", "号码不同，至少一个无法校验。"),
        "neighbour": (
            "differs",
            "Numbers of one county and birth date with another sequence.",
            "地区码和出生日期相同，顺序码不同。",
        ),
        "two-slips": ("similar", "Two typing errors apart.", "号码相差两处。"),
        "cut": (
            "similar",
            "The first fifteen digits agree; the end was lost in a spreadsheet.",
            "前十五位一致，末尾在表格中丢失。",
        ),
        "one-slip": ("similar", "One typing error apart.", "号码相差一处，疑为录入错误。"),
        "same": ("same", "Same number (15- and 18-digit forms count as one).", "号码一致（15位与18位视为同一号码）。"),
    },
    "document": {
        "differs": ("differs", "Different numbers of documents of one kind.", "同类证件号码不同。"),
        "one-slip": ("similar", "One typing error apart.", "证件号码相差一处，疑为录入错误。"),
        "same": ("same", "Same number.", "证件号码一致。"),
    },
    "postal": {
        "differs": ("differs", "Different postal codes.", "邮政编码不同。"),
        "one-slip": ("similar", "One typing error apart.", "邮政编码相差一处。"),
        "same": ("same", "Same postal code.", "邮政编码一致。"),
    },
    "surname": {
        "differs": ("differs", "Different surnames.", "姓不同。"),
        "similar": ("similar", "Surnames that sound or look alike.", "姓音近或形近。"),
        "slip": ("similar", "Surnames one wrong letter apart.", "姓相差一个字母。"),
        "same": ("same", "Same surname.", "姓一致。"),
    },
    "given": {
        "differs": ("differs", "Different given names.", "名不同。"),
        "part": ("similar", "One part of the given name agrees.", "名中部分字相同。"),
        "shortened": ("similar", "One given name is the other with characters missing.", "一方的名缺字或为简写。"),
        "character-lost": (
            "similar",
            "A character was lost or covered; what is left of the names agrees.",
            "名中有字丢失或被遮盖，其余一致。",
        ),
        "near-sound": (
            "similar",
            "Given names that dialects pronounce alike.",
            "名读音相近（平翘舌、前后鼻音或 n/l 不分）。",
        ),
        "sound": ("similar", "Given names that sound alike apart from the tone.", "名读音相同，声调或用字不同。"),
        "shape": (
            "similar",
            "Characters that look alike or changed places, or one wrong letter.",
            "名字形近、字序颠倒，或相差一个字母。",
        ),
        "sound-and-tone": ("similar", "Same sound and tone, other characters.", "名同音同调，用字不同。"),
        "swapped": ("same", "Given name and family name are the other way about.", "姓与名前后颠倒。"),
        "former": ("same", "The name of one is the former name of the other.", "一方姓名为另一方的曾用名。"),
        "same": (
            "same",
            "Same given name (variants and traditional forms count as one).",
            "名一致（异体字、繁体字视为相同）。",
        ),
    },
    "sex": {
        "differs": ("differs", "Different sexes.", "性别不同。"),
        "same": ("same", "Same sex.", "性别一致。"),
    },
    "birth": {
        "differs": ("differs", "Different birth dates.", "出生日期不同。"),
        "within-a-year": ("differs", "Different dates, about a year apart at most.", "日期不同，相差不超过约一年。"),
        "same-year": ("similar", "The year agrees; the rest is not given.", "年份一致，月日缺失。"),
        "one-part-differs": ("similar", "One part differs: year, month or day.", "年、月、日中有一处不同。"),
        "same-month": ("similar", "Year and month agree; a day is not given.", "年月一致，日缺失。"),
        "swapped-or-lunar": (
            "similar",
            "Same date with month and day swapped, or lunar and solar.",
            "月日颠倒，或一为农历一为公历。",
        ),
        "same": ("same", "Same birth date.", "出生日期一致。"),
    },
    "phone": {
        "differs": ("differs", "Different phones.", "电话不同。"),
        "one-slip": ("similar", "One typing error apart.", "电话相差一处。"),
        "same": ("same", "Same phone.", "电话一致。"),
    },
    "origin": _PLACE,
    "residence": _PLACE,
    "spouse": {
        "differs": ("differs", "Different spouses are named.", "配偶不同。"),
        "same-name": ("same", "Same name of the spouse.", "配偶姓名一致。"),
        "same-id": ("same", "Same resident ID of the spouse.", "配偶身份证号一致。"),
    },
    "parents": {
        "differ": ("differs", "Different parents are named.", "父母不同。"),
        "one-same": ("similar", "One parent agrees.", "父母一方一致。"),
        "both-same": ("same", "Both parents agree.", "父母均一致。"),
    },
    "children": {
        "none-shared": ("differs", "No child in common.", "子女均不同。"),
        "shared": ("same", "A child in common.", "有相同子女。"),
    },
    "kin": {
        "named-as-relative": ("differs", "One record names the other's ID as a relative's.", "一方将另一方登记为亲属。")
    },
    "ethnicity": {
        "differs": ("differs", "Different ethnicities.", "民族不同。"),
        "same": ("same", "Same ethnicity.", "民族一致。"),
    },
}

RARE = (" The value is rare, which says more.", "该值少见，分量较重。")
COMMON = (" The value is common, which says less.", "该值常见，分量较轻。")
PRIOR = ("How likely two records are one person before anything is compared.", "比较之前，两条记录属于同一人的可能性。")
DEPENDENCE = (
    "Phone, address and family are shared by a household: taken back, because they count once.",
    "同一家庭共用电话、地址和亲属，不重复计入。",
)
INDEPENDENT = ("Nothing was counted twice.", "没有重复计算。")


def of(field: str, level: str) -> tuple[Relation, str, str]:
    """Relation and notes of a level; the first level of every field is the missing one."""
    return LEVELS[field].get(level, _MISSING)

"""What the verification page says, in Chinese and English: its own sentences, and the names of claims and values."""

from typing import Final, Literal

Language = Literal["zh", "en"]

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "title": ("证照核验", "Verify a certificate"),
    "intro": (
        "粘贴持有人出示的证照码，核验其是否由有权机关签发、是否仍然有效。页面只显示持有人选择出示的内容。",
        (
            "Paste the certificate code that the holder shows. This page says whether an entitled authority issued it and "
            "whether it counts today, and shows only what the holder chose to show."
        ),
    ),
    "other_language": ("English", "中文"),
    "code": ("证照码", "Certificate code"),
    "check": ("核验", "Verify"),
    "valid": ("证照有效", "The certificate is valid"),
    "refused": ("不能确认此证照", "The certificate is not confirmed"),
    "unavailable": ("暂时无法核验", "Verification is not possible now"),
    "too_many": ("从此地址发来的核验请求过多。", "Too many checks came from this address."),
    "kind": ("证照种类", "Kind"),
    "issuer": ("签发机关", "Issuing authority"),
    "issued_at": ("签发时间", "Issued"),
    "expires_at": ("有效期至", "Valid until"),
    "status_as_of": ("状态查询时间", "Status as of"),
    "holder": ("出示方式", "Shown by"),
    "holder_bound": ("持有人本人设备已确认", "the holder, confirmed on her own device"),
    "holder_free": (
        "未绑定持有人设备，请与本人身份证件核对",
        "whoever has the code: compare with the person's identity document",
    ),
    "shown": ("出示的内容", "What was shown"),
    "nothing_more": ("未出示的内容不在此显示，也不可推断。", "What was not shown is not here and cannot be inferred."),
    "not_legal": ("核验结果供办事参考，非法定证件。", "This result supports a service; it is not a legal document."),
    "reason_code": ("原因代码", "Reason code"),
    "bound_title": ("需要持有人确认的证照", "Certificates bound to their holder"),
    "bound_intro": (
        "如证照绑定了持有人设备，请先发起核验，由持有人在其设备上确认随后显示的核验码，再粘贴其出示的证照码。",
        (
            "If the certificate is bound to the holder's device, start a check first; the holder "
            "confirms the code that then appears on her device; then paste what she shows."
        ),
    ),
    "confirm": (
        "请持有人在其设备上确认以下核验码，再把出示的证照码粘贴到下面。核验码只能使用一次。",
        "Let the holder confirm this code on her device, then paste what she shows. The code counts once.",
    ),
    "start": ("发起核验", "Start a check"),
    "nonce": ("核验码", "Check code"),
    "audience": ("核验单位", "Verifier"),
    "until": ("有效至", "Valid until"),
    "retry_NORMAL": ("请稍后再试。", "Please try again in a moment."),
    "retry_CHECK_STATUS": ("请稍后再核验，或与签发机关核实。", "Please check again later, or ask the authority."),
    "retry_FIX_FIRST": ("请按上述原因处理后重新核验。", "Please settle this first, then verify again."),
    "retry_CONTACT": ("请勿接受，并与签发机关核实。", "Do not accept it; please ask the issuing authority."),
}

KINDS: Final[dict[str, tuple[str, str]]] = {
    "marriage-certificate": ("结婚证", "Marriage certificate"),
    "birth-certificate": ("出生医学证明", "Birth certificate"),
    "contraception-report": ("避孕节育情况报告单", "Contraception report"),
}

_PERSON: Final[dict[str, tuple[str, str]]] = {
    "name": ("姓名", "name"),
    "sex": ("性别", "sex"),
    "nationality": ("国籍", "nationality"),
    "ethnicity": ("民族", "ethnicity"),
    "birth_date": ("出生日期", "date of birth"),
    "id_type": ("证件类型", "identity document type"),
    "id_number": ("证件号码", "identity document number"),
}
_ROLES: Final[dict[str, tuple[str, str]]] = {
    "party_a": ("甲方", "Party A"),
    "party_b": ("乙方", "Party B"),
    "mother": ("母亲", "Mother"),
    "father": ("父亲", "Father"),
    "person": ("本人", "Person"),
}

CLAIMS: Final[dict[str, tuple[str, str]]] = {
    "number": ("证号", "Number"),
    "kind": ("登记类别", "Registration"),
    "authority": ("登记（签发）机关", "Authority"),
    "authority_division": ("机关所在区划", "Division of the authority"),
    "registrar": ("登记员", "Registrar"),
    "registered_on": ("登记日期", "Registered on"),
    "holder": ("持证人", "Holder"),
    "child_name": ("新生儿姓名", "Child's name"),
    "child_sex": ("新生儿性别", "Child's sex"),
    "birth_time": ("出生时间", "Time of birth"),
    "birth_place": ("出生地点", "Place of birth"),
    "birth_place_kind": ("出生地点分类", "Kind of place"),
    "birth_division": ("出生地区划", "Division of birth"),
    "gestation_weeks": ("孕周", "Weeks of gestation"),
    "length_cm": ("身长（厘米）", "Length (cm)"),
    "weight_g": ("体重（克）", "Weight (g)"),
    "midwife": ("接生人员", "Midwife"),
    "facility": ("机构", "Facility"),
    "issued_on": ("签发日期", "Issued on"),
    "reported_on": ("报告日期", "Reported on"),
    "method": ("避孕方法", "Method"),
    "method_since": ("开始日期", "Since"),
    "check_result": ("检查结果", "Result of the check"),
    "officer": ("经办人", "Officer"),
    "origin_division": ("户籍地区划", "Division of origin"),
    "residence_division": ("现居住地区划", "Division of residence"),
    "consent_ref": ("同意书编号", "Consent"),
} | {
    f"{role}_{part}": (f"{role_zh}{part_zh}", f"{role_en}: {part_en}")
    for role, (role_zh, role_en) in _ROLES.items()
    for part, (part_zh, part_en) in _PERSON.items()
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "sex": {
        "male": ("男", "male"),
        "female": ("女", "female"),
        "other": ("其他", "other"),
        "unknown": ("未知", "unknown"),
    },
    "kind": {
        "marriage": ("结婚登记", "marriage"),
        "reissue": ("补领结婚证", "marriage, re-issued"),
        "divorce": ("离婚登记", "divorce"),
    },
    "holder": {"a": ("甲方", "Party A"), "b": ("乙方", "Party B")},
}


def pick(pair: tuple[str, str], language: Language) -> str:
    """The text of a (Chinese, English) pair in the reader's language."""
    return pair[0] if language == "zh" else pair[1]


def say(language: Language) -> dict[str, str]:
    """Every sentence of the page in one language."""
    return {name: pick(pair, language) for name, pair in SENTENCES.items()}


def kind_name(kind: str, language: Language) -> str:
    """What people call a kind of certificate."""
    return pick(KINDS.get(kind, (kind, kind)), language)


def claim_line(name: str, value: object, language: Language) -> tuple[str, str]:
    """(label, value) of a claim for a reader; what has no name here is shown as it is."""
    label = pick(CLAIMS.get(name, (name, name)), language)
    known = VALUES.get("sex" if name.endswith("_sex") else name, {})
    text = str(value)
    return label, pick(known.get(text, (text, text)), language)

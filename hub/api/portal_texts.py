"""What the portal says, in Chinese and English: its own sentences, its refusals, and how each item of the list is shown."""

from dataclasses import dataclass
from typing import Final

from hub.api.verify_texts import Language, pick

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One item for a reader: (Chinese, English), and a request that shows it."""

    title: Pair
    how: Pair
    curl: str


SENTENCES: Final[dict[str, Pair]] = {
    "title": ("接入申请", "Become a member"),
    "other_language": ("English", "中文"),
    "intro": (
        "县级系统和合作单位可在此申请接入沙箱。沙箱是独立的平台，区划均为虚构，只可使用虚构的人员数据；全部项目通过后，由两名管理人员批准转为正式成员。",
        (
            "County systems and partners apply here for the sandbox. The sandbox is a hub of its own: its divisions are invented, "
            "and only invented people may be in it. When every item is passed, two administrators make it a live member."
        ),
    ),
    "failed": ("申请未被受理", "The application was not taken"),
    "code": ("原因代码", "Reason code"),
    "name": ("简称", "Short name"),
    "name_hint": ("小写字母、数字、连字符，2 至 31 个字符", "Small letters, digits, hyphens; 2 to 31 characters"),
    "display_zh": ("中文名称", "Name in Chinese"),
    "display": ("英文名称", "Name in English"),
    "kind": ("类别", "Kind"),
    "county": ("县级系统", "County system"),
    "partner": ("合作单位", "Partner"),
    "contact": ("联系人", "Contact"),
    "contact_hint": (
        "联系人姓名和电话或邮箱，加密保存，申请结束后删除",
        "A person and a telephone or e-mail; kept encrypted and erased with the application",
    ),
    "keys": ("公钥及其证明（JSON）", "Public keys and their proofs (JSON)"),
    "keys_hint": (
        "由“gateway apply”命令生成。请勿粘贴私钥。证明的受众须为：",
        "As `gateway apply` prints them; never a private key. The proofs' audience is:",
    ),
    "apply": ("提交申请", "Apply"),
    "erased": ("未处理的申请在 {days} 天后删除。", "An application that nobody answered is erased after {days} days."),
    "progress": ("申请进度", "Your application"),
    "gone": ("没有此申请，或其期限已过", "There is no such application, or its time is over"),
    "gone_lead": (
        "请核对链接是否完整；如已过期，请重新申请。",
        "Check that the link is whole. Where its time is over, apply again.",
    ),
    "again": ("重新申请", "Apply again"),
    "keep": (
        "请保存本页链接，它是查看进度的唯一凭证，不要转发给他人。",
        "Keep the link of this page: nothing else shows your progress. Do not pass it on.",
    ),
    "WAITING": ("等待平台管理人员处理", "Waiting for an answer"),
    "ADMITTED": ("已接入沙箱", "Admitted to the sandbox"),
    "DECLINED": ("未获接入", "Declined"),
    "reason": ("原因", "Reason"),
    "until": ("保留至", "Kept until"),
    "list": ("接入检查项目", "Check-list"),
    "list_lead": (
        "以下各项由平台根据贵方系统的实际请求自动判定，刷新本页查看最新结果。示例中 $TOKEN 为访问令牌。",
        (
            "The hub sees each item in what your system really sends; reload this page for the newest state. In the examples $TOKEN "
            "is your access token."
        ),
    ),
    "done": ("已通过 {done} / {needed} 项", "{done} of {needed} passed"),
    "passed": ("全部通过", "All passed"),
    "passed_lead": (
        "平台管理人员现可将贵方转为正式成员。沙箱中只有公钥和设置会被沿用。",
        "The hub's administrators can now make you a live member. Only keys and settings go along.",
    ),
    "seen": ("已通过", "Passed"),
    "open": ("尚未看到", "Not seen yet"),
    "free": ("不需要", "Not needed"),
    "how": ("如何完成", "How to show it"),
}

_FAULTS: Final[dict[str, str]] = {
    "bad-application": "名称、类别或联系人填写不完整，或超过长度。未保存任何内容。",
    "bad-member": "该名称不能列入成员名录。未保存任何内容。",
    "private-key": "粘贴的内容包含私钥。未保存任何内容；该私钥已泄露，请重新生成。",
    "malformed-key": "公钥无法读取，或缺少登录用公钥（purpose 为 auth），或超过 8 个。未保存任何内容。",
    "no-possession": "未能证明贵方持有这些公钥对应的私钥，请重新生成证明（一小时内有效）。未保存任何内容。",
    "name-taken": "该简称已被其他成员使用。未保存任何内容。",
    "too-many": "来自此地址的申请过多，请稍后再试。未保存任何内容。",
    "unavailable": "等待处理的申请过多，请明天再试。未保存任何内容。",
}

_CURL: Final = 'curl -H "Authorization: Bearer $TOKEN"'

ITEMS: Final[dict[str, Item]] = {
    "sign-in": Item(
        ("使用私钥签名登录", "Sign in with a signed assertion"),
        (
            "用已登记的私钥签名客户端断言（private_key_jwt），换取访问令牌。",
            "Exchange an assertion signed with a registered key (private_key_jwt) for an access token.",
        ),
        "curl BASE/auth/token -d grant_type=client_credentials \\\n"
        "  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\\n"
        "  -d client_assertion=$ASSERTION",
    ),
    "submission": Item(
        ("发送一条消息并取得回执", "Send a message and get its receipt"),
        (
            "发送文件、FHIR 事务或患者数据，并保存签名回执。",
            "Send a document, a FHIR transaction or a fed Patient, and keep the signed receipt.",
        ),
        f"{_CURL} -X PUT 'BASE/fhir/Patient?identifier=urn:lianqiao:NAME:record|1' \\\n"
        "  -H 'Content-Type: application/fhir+json' -H \"Message-Id: $ID\" --data @patient.json",
    ),
    "resend": Item(
        ("原样重发同一条消息", "Send the same message again"),
        (
            "以相同的消息编号和内容重发；平台返回原回执，不会重复处理。",
            "The same message id and the same bytes: the stored receipt is answered, and nothing happens twice.",
        ),
        f"{_CURL} -X PUT 'BASE/fhir/Patient?identifier=urn:lianqiao:NAME:record|1' \\\n"
        "  -H 'Content-Type: application/fhir+json' -H \"Message-Id: $ID\" --data @patient.json",
    ),
    "outcome": Item(
        ("查询处理结果", "Ask what became of it"),
        (
            "查询自己发送的消息：是否已保存、处理结果如何。",
            "Read both acknowledgements of a message of yours: stored, and processed or why not.",
        ),
        f'{_CURL} "BASE/submissions?message_id=$ID"',
    ),
    "correction": Item(
        ("更正被拒绝的内容", "Correct what was refused"),
        (
            "发送一条有误的消息，读取拒绝原因（400 或 422），改正后以新的消息编号发送到同一地址。",
            (
                "Send something wrong, read why it is refused (400 or 422), then send it right, under a new message id, to the "
                "same address."
            ),
        ),
        f"{_CURL} -X PUT 'BASE/fhir/Patient?identifier=urn:lianqiao:NAME:record|1' \\\n"
        "  -H 'Content-Type: application/fhir+json' -H \"Message-Id: $OTHER_ID\" --data @corrected.json",
    ),
    "lease": Item(
        ("领取信箱中的消息", "Read the mailbox"),
        (
            "领取平台放入信箱的练习消息；如已过期，可重新申请练习消息。",
            "Lease the letters that the hub laid there to practise on; ask for new ones where they have expired.",
        ),
        f"{_CURL} BASE/mailbox -H 'Content-Type: application/json' -d '{{\"max\": 10}}'\n{_CURL} -X POST BASE/portal/exercises",
    ),
    "receipt": Item(
        ("对收到的消息出具回执", "Give a receipt"),
        (
            "核对摘要后，对可用的练习消息回复 PROCESSED。",
            "Compare the digest, then answer the letter that can be used with PROCESSED.",
        ),
        f"{_CURL} BASE/mailbox/$ITEM/receipt -H 'Content-Type: application/json' \\\n"
        '  -d \'{"state": "PROCESSED", "digest": "sha-256:…"}\'',
    ),
    "error-receipt": Item(
        ("对不可用的消息回复业务错误", "Answer with a business error"),
        (
            "对注明不可用的练习消息回复 BUSINESS_ERROR，并说明错误。",
            "Answer the letter that says it cannot be used with BUSINESS_ERROR, and say why.",
        ),
        f"{_CURL} BASE/mailbox/$ITEM/receipt -H 'Content-Type: application/json' \\\n"
        '  -d \'{"state": "BUSINESS_ERROR", "digest": "sha-256:…", "errors": [{"code": "unusable", "text": "…"}]}\'',
    ),
    "retry-after": Item(
        ("遵守 429 的等待时间", "Wait as long as 429 says"),
        (
            "连续发送请求直到收到 429（沙箱约 40 个），在 Retry-After 所示时间之前不再请求，之后再继续。",
            "Ask until you are answered 429 (some forty requests here); ask nothing before Retry-After is over, then go on.",
        ),
        f"{_CURL} -i BASE/submissions   # 429, Retry-After: N",
    ),
    "key-change": Item(
        ("更换登录密钥", "Change the key you sign in with"),
        (
            "登记第二把公钥并附持有证明，然后用新私钥登录。",
            "Register a second key with its proof, then sign in with it.",
        ),
        f"{_CURL} BASE/portal/keys -H 'Content-Type: application/json' -d @new-keys.json",
    ),
    "opening": Item(
        ("打开发给自己的密封内容", "Open what is sealed to you"),
        (
            "仅适用于登记了加密公钥的单位：取得密封给该公钥的 32 字节（HPKE），打开后以 base64url 送回。",
            (
                "Only where you registered an encryption key: get 32 bytes that are sealed to it (HPKE), open them, and send "
                "them back in base64url."
            ),
        ),
        f"{_CURL} -X POST BASE/portal/sealed\n"
        f"{_CURL} BASE/portal/opened -H 'Content-Type: application/json' -d '{{\"opened\": \"…\"}}'",
    ),
    "webhook": Item(
        ("验证通知签名", "Verify signatures of notices"),
        (
            "仅适用于使用 webhook 的单位：登记地址后发起检查，接收端须拒绝伪造和过期的通知，接受真实的通知。",
            (
                "Only where you use a webhook: set it and have it checked. It refuses forged and stale notices, and takes the genuine "
                "one."
            ),
        ),
        f"{_CURL} -X PUT BASE/portal/webhook -H 'Content-Type: application/json' \\\n"
        '  -d \'{"address": "https://…", "secret": "whsec_…"}\'\n'
        f"{_CURL} -X POST BASE/portal/webhook/check",
    ),
}


def say(language: Language) -> dict[str, str]:
    """Every sentence of the pages in one language."""
    return {name: pick(pair, language) for name, pair in SENTENCES.items()}


def fault(code: str, detail: str, language: Language) -> str:
    """Why something was refused; where there are no Chinese words for it, in English."""
    return _FAULTS.get(code, detail) if language == "zh" else detail

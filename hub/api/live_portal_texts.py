"""What the portal of a live hub says, in Chinese and English."""

from typing import Final

from hub.api.portal_texts import Pair
from hub.api.verify_texts import Language, pick

SENTENCES: Final[dict[str, Pair]] = {
    "title": ("系统对接", "For integrators"),
    "other_language": ("English", "中文"),
    "intro": (
        (
            "本平台在县级系统之间交换流动人口的健康与家庭记录，仅按本人所办事项和本人同意的范围送达，每次操作都记入可核验的日志。"
            "这里是正式平台，处理真实记录，只有成员的系统可以接入。"
        ),
        (
            "This hub exchanges the health and family records of people who live away from their registered home between county "
            "systems: no more than the person's service and consent allow, and every act in a log that can be verified. It is a "
            "live hub with real records, which only members' systems use."
        ),
    ),
    "where": ("在哪里申请", "Where to apply"),
    "at_sandbox": (
        "在沙箱申请。沙箱是独立的平台，区划和人员均为虚构，贵方系统先在那里演练。",
        "At the sandbox, a hub of its own with invented regions and people, where your system rehearses first.",
    ),
    "to_sandbox": ("前往沙箱申请", "Apply at the sandbox"),
    "ask": (
        "申请在沙箱办理，沙箱是区划和人员均为虚构的独立平台。其地址请向本平台的运营单位询问。",
        (
            "At the sandbox, a hub of its own with invented regions and people, where your system rehearses first. Ask whoever "
            "operates this hub for its address."
        ),
    ),
    "not_here": ("本页不受理申请，也不保存任何内容。", "This page takes no applications and stores nothing."),
    "steps": ("从申请到转为正式成员", "From applying to promotion"),
    "addresses": ("接口地址", "Addresses"),
    "base": ("基础地址，其余地址均以此开头", "Base address, with which all others begin"),
    "first": ("第一个请求", "The first request"),
    "first_lead": (
        "能力声明无需登录即可读取，可用来检查网络是否连通：",
        "The capability statement is read without signing in, and shows that the hub is within reach:",
    ),
    "then": (
        "成为成员后，用已登记的私钥签名客户端断言（private_key_jwt），换取访问令牌：",
        "As a member, exchange an assertion signed with your registered key (private_key_jwt) for an access token:",
    ),
}

STEPS: Final[tuple[Pair, ...]] = (
    (
        "申请：在沙箱提交名称、联系人、公钥以及持有相应私钥的证明。私钥始终由贵方保管。",
        (
            "Apply at the sandbox with your names, a contact, your public keys, and proofs that you hold the private ones, which "
            "stay with you."
        ),
    ),
    (
        "接入沙箱：沙箱的管理人员核实后，为贵方分配虚构的区划。",
        "Be admitted: the sandbox's administrators ask your contact, and give you an invented division.",
    ),
    (
        "演练：沙箱根据贵方系统的实际请求逐项判定，进度页面显示尚缺的项目和做法。",
        "Rehearse: the sandbox ticks off what it sees your system do; your page there says what is missing and how to show it.",
    ),
    (
        (
            "转为正式成员：全部项目通过后，沙箱签署检查结果，由本平台一名管理人员提出、另一名批准。"
            "公钥和设置会被沿用，虚构的记录不会；webhook 和客户端证书须重新登记。"
        ),
        (
            "Be promoted: when every item is passed the sandbox signs the check-list; one administrator of this hub proposes you, "
            "another approves. Your public keys and settings go along, the invented records do not; a webhook and client "
            "certificates are registered anew."
        ),
    ),
)

ADDRESSES: Final[dict[str, Pair]] = {
    "/fhir/metadata": ("FHIR R4 能力声明", "FHIR R4 capability statement"),
    "/.well-known/smart-configuration": (
        "登录：令牌地址、算法、权限范围",
        "Signing in: token endpoint, algorithms, scopes",
    ),
    "/openapi.json": ("全部接口的 OpenAPI 描述", "The whole interface, as OpenAPI"),
    "/.well-known/trust-list": (
        "信任列表：各成员的公钥，由根密钥签名",
        "Trust list: the members' public keys, signed by the root keys",
    ),
    "/verify": ("证照核验页面，任何人均可使用", "The page on which anybody verifies a certificate"),
}
"""By path, what is there."""


def say(language: Language) -> dict[str, str]:
    """Every sentence of the page in one language."""
    return {name: pick(pair, language) for name, pair in SENTENCES.items()}

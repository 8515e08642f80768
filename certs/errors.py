"""Everything that can be refused here, one class for each cause; verification raises, it never answers true or false.

    CertsError
    ├── Malformed    MalformedKey MalformedToken MalformedEnvelope MalformedPresentation UnreferencedDisclosure
    │                DuplicateDisclosure MalformedStatusList MalformedTrustList MalformedCheckpoint TooLarge
    ├── BadClaims    InvalidClaims UnknownKind ClaimNotPresent
    ├── Untrusted    BadSignature AlgorithmRefused UnknownSuite DowngradeRefused UnknownIssuer UnknownMember UnknownKey
    │                NoKeyAvailable KeyNotValid KeyCompromised IssuerNotEntitled NotRegistered TooFewSignatures
    │                RollbackRefused TrustListStale
    ├── Outdated     NotYetValid Expired StatusListStale StatusUnavailable
    ├── Withdrawn    Revoked Suspended Superseded StatusFinal
    ├── NotBound     HolderBindingMissing HolderBindingInvalid NonceRequired Replayed WrongAudience
    ├── NotOpened    WrongRecipient OpenFailed WrongPassphrase
    └── NotProven    InclusionNotProven ConsistencyNotProven SplitView

Only the leaves are raised. Each has a stable `code`, a `retry` class (WIRE.md) and a sentence in English and Chinese
for the clerk who reads it; `detail` is for operators and never holds a secret or personal data.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

Retry = Literal["NORMAL", "CHECK_STATUS", "FIX_FIRST", "CONTACT"]


class Message(NamedTuple):
    """What a clerk reads."""

    en: str
    zh: str


class CertsError(Exception):
    """Base of all."""

    code: ClassVar[str] = ""
    retry: ClassVar[Retry] = "CONTACT"
    message: ClassVar[Message] = Message("", "")

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.code}: {detail or self.message.en}")
        self.detail = detail


class Malformed(CertsError):
    """The bytes are not what they claim to be; the same bytes will never pass."""

    retry = "FIX_FIRST"


class MalformedKey(Malformed):
    code = "malformed-key"
    message = Message("The key file or key is damaged or of an unexpected form.", "密钥文件或密钥已损坏或格式不符。")


class MalformedToken(Malformed):
    code = "malformed-token"
    message = Message("The signed document is damaged or of an unexpected form.", "签名文件已损坏或格式不符。")


class MalformedEnvelope(Malformed):
    code = "malformed-envelope"
    message = Message("The sealed message is damaged or of an unexpected form.", "加密报文已损坏或格式不符。")


class MalformedPresentation(Malformed):
    code = "malformed-presentation"
    message = Message("The certificate code is damaged or incomplete.", "证照码已损坏或不完整。")


class UnreferencedDisclosure(Malformed):
    code = "unreferenced-disclosure"
    message = Message(
        "The certificate was shown with data its issuer never signed.", "出示的内容含有签发机关未签署的数据。"
    )


class DuplicateDisclosure(Malformed):
    code = "duplicate-disclosure"
    message = Message("The certificate was shown with the same item twice.", "出示的内容中同一项重复出现。")


class MalformedStatusList(Malformed):
    code = "malformed-status-list"
    message = Message(
        "The certificate status list is damaged or is another list.", "证照状态列表已损坏或不是所需的列表。"
    )


class MalformedTrustList(Malformed):
    code = "malformed-trust-list"
    message = Message(
        "The list of trusted authorities is damaged or breaks its own rules.", "可信机构名单已损坏或不合规则。"
    )


class MalformedCheckpoint(Malformed):
    code = "malformed-checkpoint"
    message = Message("The audit log's checkpoint is damaged.", "审计日志检查点已损坏。")


class TooLarge(Malformed):
    code = "too-large"
    message = Message("The document is larger than the limit.", "文件超过大小上限。")


class BadClaims(CertsError):
    """The content of a certificate is not what its kind allows."""

    retry = "FIX_FIRST"


class InvalidClaims(BadClaims):
    code = "invalid-claims"
    message = Message(
        "An item of the certificate is missing, unknown or wrongly written.", "证照内容有缺项、未知项或填写错误。"
    )


class UnknownKind(BadClaims):
    code = "unknown-kind"
    message = Message("This kind of certificate is not known here.", "系统不认识此类证照。")


class ClaimNotPresent(BadClaims):
    code = "claim-not-present"
    message = Message("An item to be shown is not in this certificate.", "所选的出示项不在此证照中。")


class Untrusted(CertsError):
    """Who made it cannot be relied on for this."""


class BadSignature(Untrusted):
    code = "bad-signature"
    message = Message(
        "The signature does not match: the content was changed or signed by someone else.",
        "签名不符：内容被改动或非本机关签署。",
    )


class AlgorithmRefused(Untrusted):
    code = "algorithm-refused"
    message = Message(
        "The document asks for a signature method that its key does not allow.", "文件使用了该密钥不允许的签名算法。"
    )


class UnknownSuite(Untrusted):
    code = "unknown-suite"
    message = Message("The cryptography suite is not known to this installation.", "本系统不支持该密码套件。")


class DowngradeRefused(Untrusted):
    code = "downgrade-refused"
    message = Message(
        "The message names another cryptography suite than the one fixed for the key.",
        "报文的密码套件与该密钥规定的套件不一致。",
    )


class UnknownIssuer(Untrusted):
    code = "unknown-issuer"
    message = Message(
        "The issuing authority is not on the list of trusted authorities.", "签发机关不在可信机构名单中。"
    )


class UnknownMember(Untrusted):
    code = "unknown-member"
    message = Message("No trusted authority answers to this name or division.", "可信机构名单中没有该机构或该区划。")


class UnknownKey(Untrusted):
    code = "unknown-key"
    message = Message("The signing key does not belong to the authority named.", "签名密钥不属于所称机关。")


class NoKeyAvailable(Untrusted):
    code = "no-key-available"
    message = Message("The authority has no key that can be used today.", "该机关目前没有可用的密钥。")


class KeyNotValid(Untrusted):
    code = "key-not-valid"
    message = Message("The key was not valid on the day it signed.", "签署时该密钥不在有效期内。")


class KeyCompromised(Untrusted):
    code = "key-compromised"
    message = Message(
        "The authority's key was reported stolen; please confirm with the authority.",
        "该机关密钥已报失窃，请与签发机关核实。",
    )


class IssuerNotEntitled(Untrusted):
    code = "issuer-not-entitled"
    message = Message(
        "The authority may not issue this kind of certificate or not for this division.",
        "该机关无权签发此类证照或无权为该区划签发。",
    )


class NotRegistered(Untrusted):
    code = "not-registered"
    message = Message(
        "The issuing authority has not entered this certificate in the register; please confirm with the authority.",
        "签发机关未将该证照登记入册，请与签发机关核实。",
    )


class TooFewSignatures(Untrusted):
    code = "too-few-signatures"
    message = Message("The list of trusted authorities lacks the required signatures.", "可信机构名单的签名数量不足。")


class RollbackRefused(Untrusted):
    code = "rollback-refused"
    message = Message("An older list was offered than the one already known.", "收到的名单比已有名单旧，已拒绝。")


class TrustListStale(Untrusted):
    code = "trust-list-stale"
    retry = "NORMAL"
    message = Message(
        "The list of trusted authorities is out of date and must be fetched again.", "可信机构名单已过期，需重新获取。"
    )


class Outdated(CertsError):
    """The clock decides."""


class NotYetValid(Outdated):
    code = "not-yet-valid"
    retry = "NORMAL"
    message = Message("It is not valid yet; check the clock of this computer.", "尚未生效，请核对本机时间。")


class Expired(Outdated):
    code = "expired"
    retry = "FIX_FIRST"
    message = Message("It has expired; ask for a new one.", "已过有效期，请重新申领。")


class StatusListStale(Outdated):
    code = "status-list-stale"
    retry = "NORMAL"
    message = Message(
        "The certificate status list is out of date and must be fetched again.", "证照状态列表已过期，需重新获取。"
    )


class StatusUnavailable(Outdated):
    code = "status-unavailable"
    retry = "NORMAL"
    message = Message(
        "The status of the certificate cannot be checked now; try again.", "暂时无法查询证照状态，请稍后再试。"
    )


class Withdrawn(CertsError):
    """The issuer took it back."""


class Revoked(Withdrawn):
    code = "revoked"
    message = Message("The certificate was revoked by its issuer.", "该证照已被签发机关撤销。")


class Suspended(Withdrawn):
    code = "suspended"
    retry = "CHECK_STATUS"
    message = Message("The certificate is suspended for now.", "该证照已暂停使用。")


class Superseded(Withdrawn):
    code = "superseded"
    retry = "FIX_FIRST"
    message = Message(
        "A newer certificate has replaced this one; ask for the new one.", "该证照已换发新证，请出示新证。"
    )


class StatusFinal(Withdrawn):
    code = "status-final"
    message = Message("A revoked or replaced certificate cannot be made valid again.", "已撤销或已换发的证照不能恢复。")


class NotBound(CertsError):
    """Whoever shows it has not proven to be its holder, here and now."""

    retry = "FIX_FIRST"


class HolderBindingMissing(NotBound):
    code = "holder-binding-missing"
    message = Message(
        "The holder must confirm on her own device when showing this certificate.",
        "出示此证照须由持有人在本人设备上确认。",
    )


class HolderBindingInvalid(NotBound):
    code = "holder-binding-invalid"
    message = Message(
        "The confirmation was not made by the holder or not for this content.", "确认信息并非持有人本人对此内容作出。"
    )


class NonceRequired(NotBound):
    code = "nonce-required"
    message = Message(
        "Start a new check first; this certificate is shown in answer to a fresh code.",
        "请先发起核验，再按核验码出示此证照。",
    )


class Replayed(NotBound):
    code = "replayed"
    message = Message(
        "This was shown before or for another check; ask the holder to show it again.",
        "此次出示已用过或用于其他核验，请持有人重新出示。",
    )


class WrongAudience(NotBound):
    code = "wrong-audience"
    message = Message("The certificate was shown to another office.", "该出示是向其他单位作出的。")


class NotOpened(CertsError):
    """The sealed content stays closed."""


class WrongRecipient(NotOpened):
    code = "wrong-recipient"
    message = Message("The message is sealed for another key.", "该报文不是用本单位密钥加密的。")


class OpenFailed(NotOpened):
    code = "open-failed"
    message = Message("The message cannot be opened: it was changed on the way.", "报文无法解密：传输中已被改动。")


class WrongPassphrase(NotOpened):
    code = "wrong-passphrase"
    retry = "FIX_FIRST"
    message = Message(
        "The passphrase does not open the key file, or the file was changed.", "口令无法打开密钥文件，或文件已被改动。"
    )


class NotProven(CertsError):
    """The log did not show what it claims."""


class InclusionNotProven(NotProven):
    code = "inclusion-not-proven"
    message = Message("The audit log does not prove that it holds this entry.", "审计日志未能证明其包含此记录。")


class ConsistencyNotProven(NotProven):
    code = "consistency-not-proven"
    message = Message("The audit log does not prove that it only grew.", "审计日志未能证明其只增不改。")


class SplitView(NotProven):
    code = "split-view"
    message = Message("The audit log showed two different histories.", "审计日志出现两种不同的历史。")


def _leaves(parent: type[CertsError]) -> Iterator[type[CertsError]]:
    for child in parent.__subclasses__():
        if child.code:
            yield child
        yield from _leaves(child)


def catalogue() -> dict[str, type[CertsError]]:
    """Every error by its code; the console's help and the interface documentation are made from it."""
    return {error.code: error for error in _leaves(CertsError)}

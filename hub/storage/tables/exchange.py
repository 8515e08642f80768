"""What regions agreed, what people consented to, and what is delivered, answered and certified."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from hub.storage.tables.base import Sealed, Texts, key, metadata, moment, seal, serial

agreement = Table(
    "agreement",
    metadata,
    key(),
    Column("title", Text, nullable=False),
    Column("from_member", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("to_member", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("kinds", Texts, nullable=False),
    Column("purposes", Texts, nullable=False),
    Column("case_required", Boolean, nullable=False),
    Column("answer_days", Integer, nullable=False, comment="working days in which a notice is answered"),
    moment("valid_from"),
    moment("valid_to"),
    moment("ended_at", nullable=True),
    seal(),
    Column("bulk", Boolean, nullable=False, server_default="false", comment="records may be exported together"),
    Index("ix_agreement_from_member_to_member", "from_member", "to_member"),
)

consent = Table(
    "consent",
    metadata,
    key(),
    Column("member_id", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("reference", LargeBinary, nullable=False, comment="blind index of the sender's consent number"),
    Column("subject", LargeBinary, nullable=False, comment="blind index of the sender's record id of the person"),
    Column("kinds", Texts, nullable=False),
    Column("purposes", Texts, nullable=False),
    Column("recipient_divisions", Texts, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    moment("valid_from"),
    moment("valid_to"),
    moment("withdrawn_at", nullable=True),
    seal(),
    UniqueConstraint("member_id", "reference"),
    Index("ix_consent_member_id_subject", "member_id", "subject"),
)

exchange_case = Table(
    "exchange_case",
    metadata,
    key(),
    Column("person_id", Uuid, nullable=True, index=True),
    Column("subject", LargeBinary, nullable=False, comment="blind index of the opener's record id of the person"),
    Column("kind", Text, nullable=False),
    Column("from_member", BigInteger, nullable=False),
    Column("to_member", BigInteger, nullable=False),
    Column("state", Text, nullable=False, comment="OPEN | CLOSED"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    seal(),
    UniqueConstraint("from_member", "to_member", "kind", "subject"),
)

mailbox_item = Table(
    "mailbox_item",
    metadata,
    key(),
    Column("submission_id", Uuid, ForeignKey("submission.id"), nullable=False, unique=True),
    Column("sender_id", BigInteger, nullable=False),
    Column("recipient_id", BigInteger, nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("header", Sealed, nullable=False),
    Column(
        "subject",
        LargeBinary,
        nullable=False,
        index=True,
        comment="blind index of the sender's record id of the person",
    ),
    Column("consent_id", Uuid, nullable=True, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column(
        "state",
        Text,
        nullable=False,
        comment="AVAILABLE | RECEIVED | PROCESSED | BUSINESS_ERROR | VOIDED | EXPIRED | DEAD",
    ),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("errors", Sealed, nullable=True),
    Column("receipt", Text, nullable=True, comment="the last signed receipt, given again on a repeat"),
    moment("queued_at"),
    moment("expires_at"),
    moment("lease_until", nullable=True),
    moment("state_at"),
    Index(
        "ix_mailbox_item_waiting", "recipient_id", "queued_at", postgresql_where="state IN ('AVAILABLE', 'RECEIVED')"
    ),
)

delivery = Table(
    "delivery",
    metadata,
    key(),
    Column("endpoint_id", BigInteger, ForeignKey("endpoint.id"), nullable=False),
    Column("topic", Text, nullable=False, comment="mailbox | digest | duplicate | deadline | endpoint"),
    Column("dedupe", Text, nullable=False, comment="what makes it one: a second with the same value is not sent"),
    Column("payload", LargeBinary, nullable=False, comment="content-free notice, canonical JSON"),
    Column("state", Text, nullable=False, comment="QUEUED | PUSHED | DEAD"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=True),
    moment("next_at"),
    moment("created_at", now=True),
    moment("pushed_at", nullable=True),
    UniqueConstraint("endpoint_id", "dedupe"),
    Index("ix_delivery_next_at", "next_at", postgresql_where="state = 'QUEUED'"),
)

notice = Table(
    "notice",
    metadata,
    serial(),
    Column("mailbox_item_id", Uuid, ForeignKey("mailbox_item.id"), nullable=True, unique=True),
    Column("member_id", BigInteger, nullable=False, comment="who owes the answer"),
    Column("to_member", BigInteger, nullable=False, comment="who waits for it"),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False, comment="OPEN | ANSWERED | OVERDUE | VOIDED"),
    moment("opened_at"),
    moment("due_at"),
    moment("answered_at", nullable=True),
    moment("escalated_at", nullable=True),
    Index("ix_notice_due_at", "due_at", postgresql_where="state = 'OPEN'"),
)

status_list = Table(
    "status_list",
    metadata,
    serial(),
    Column("size", Integer, nullable=False),
    Column("allocated", Integer, nullable=False, server_default="0"),
    Column("document", Text, nullable=True, comment="signed token made from the certificates; null once one changed"),
    moment("signed_at", nullable=True),
)

certificate = Table(
    "certificate",
    metadata,
    key(),
    Column("issuer_id", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", LargeBinary, nullable=False, comment="blind index of kind|number"),
    Column("subject", LargeBinary, nullable=False, index=True),
    Column("list_id", BigInteger, ForeignKey("status_list.id"), nullable=False),
    Column("list_index", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=True, comment="SHA-256 of the issuer-signed token; null until issued"),
    Column("status", Text, nullable=False, comment="registered | valid | revoked | suspended | superseded"),
    Column("reason", Sealed, nullable=True),
    Column("receipt", Text, nullable=True, comment="given when the digest was recorded, and again on a repeat"),
    moment("registered_at"),
    moment("issued_at", nullable=True, comment="as the issuer says"),
    moment("recorded_at", nullable=True, comment="when the log took up the digest; a thief cannot write it"),
    moment("expires_at", nullable=True),
    moment("status_at"),
    UniqueConstraint("issuer_id", "message_id"),
    UniqueConstraint("list_id", "list_index"),
    # A number is in force once, and reserved once by each issuer: what one reserved keeps no other from signing.
    Index(
        "uq_certificate_kind_number_live",
        "kind",
        "number",
        unique=True,
        postgresql_where="status IN ('valid', 'suspended')",
    ),
    Index(
        "uq_certificate_issuer_id_kind_number_registered",
        "issuer_id",
        "kind",
        "number",
        unique=True,
        postgresql_where="status = 'registered'",
    ),
)

presentation_challenge = Table(
    "presentation_challenge",
    metadata,
    Column("nonce_hash", LargeBinary, primary_key=True),
    moment("expires_at"),
    moment("used_at", nullable=True),
)

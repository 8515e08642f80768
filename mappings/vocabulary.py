"""The names that travel: URIs of identifier systems, extensions and code systems used in every resource.

One home for them, so that a mapping, the linkage and the API cannot drift apart. OIDs are those of the national
data-element catalogue; where none is known the URI is the project's own.
"""

RESIDENT_ID = "urn:oid:2.16.156.10011.1.3"
HEALTH_RECORD_NUMBER = "urn:oid:2.16.156.10011.1.2"
HEALTH_CARD_NUMBER = "urn:oid:2.16.156.10011.1.19"

SEX = "urn:oid:2.16.156.10011.2.3.3.4"
MARITAL = "urn:oid:2.16.156.10011.2.3.3.5"
ETHNICITY_CODES = "urn:oid:2.16.156.10011.2.3.3.3"
RELATION = "urn:oid:2.16.156.10011.2.3.3.8"
NATIONALITY = "urn:oid:2.16.156.10011.2.3.3.1"

V3_MARITAL = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
V3_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"

_OWN = "urn:lianqiao"

ID_DOCUMENT_TYPE = f"{_OWN}:cs:CV02.01.101"
EDUCATION_CODES = f"{_OWN}:cs:GBT4658"
HOUSEHOLD_KIND_CODES = f"{_OWN}:cs:household-kind"
CONTRACEPTION_METHOD = f"{_OWN}:cs:contraception-method"
PURPOSE_SYSTEM = f"{_OWN}:cs:purpose"
KIND_SYSTEM = f"{_OWN}:cs:record-kind"
REPORT_ITEM = f"{_OWN}:cs:report-item"
DIVISION_SYSTEM = f"{_OWN}:cs:GBT2260"

ORIGINAL_CODE = f"{_OWN}:ext:original-code"
LUNAR_DATE = f"{_OWN}:ext:lunar-date"
ADDRESS_ROLE = f"{_OWN}:ext:address-role"
DIVISION = f"{_OWN}:ext:division"
ROLE_DIVISION = f"{_OWN}:ext:role-division"
ETHNICITY = f"{_OWN}:ext:ethnicity"
EDUCATION = f"{_OWN}:ext:education"
HOUSEHOLD_KIND = f"{_OWN}:ext:household-kind"
CHILD = f"{_OWN}:ext:child-name"
CONTACT_IDENTIFIER = f"{_OWN}:ext:contact-identifier"
CONTACT_BIRTH_DATE = f"{_OWN}:ext:contact-birth-date"
CONSENT_REFERENCE = f"{_OWN}:ext:consent-reference"

PERSON = "person"
CONSENT = "consent"
CONTRACEPTION_REPORT = "contraception-report"
MARRIAGE_CERTIFICATE = "marriage-certificate"
BIRTH_CERTIFICATE = "birth-certificate"
SEALED_KINDS = frozenset({CONTRACEPTION_REPORT, MARRIAGE_CERTIFICATE, BIRTH_CERTIFICATE})

PURPOSES = frozenset({"continuity-of-care", "certificate-service", "entitlement"})
RECORD_KINDS = frozenset({PERSON, CONSENT, *SEALED_KINDS})

SEALED_MEDIA_TYPE = "application/vnd.lianqiao.sealed+json"


def record_system(source: str) -> str:
    """Identifier system under which `source` (a member's name) numbers its own records."""
    return f"{_OWN}:{source}:record"


def document_system(code: str) -> str:
    """Identifier system of an identity document of the kind `code` (CV02.01.101) that is not the resident ID."""
    return f"{_OWN}:id-document:{code}"


def original_system(county: str, table: str) -> str:
    """Code system of a sender's own codes in its table `table`."""
    return f"{_OWN}:{county}:{table}"

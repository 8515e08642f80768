"""Everything that can be turned: how large the story is, how families look, and how often each thing goes wrong.

Every rate is a share between 0 and 1 of the cases to which it can apply. The same parameters and the same seed give
the same people, records and papers, byte for byte.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Rates of what goes wrong, first with the person's own papers, then with one county's record of them."""

    # True of the person, so every county sees it alike
    id_official_with_wrong_check: float = 0.002
    id_shared_by_two: float = 0.0008
    id_prefix_of_elsewhere: float = 0.04
    rare_character_in_name: float = 0.003
    former_name: float = 0.012
    son_named_as_father: float = 0.003
    twin_birth: float = 0.02
    household_shares_phone: float = 0.22
    no_phone: float = 0.05

    # Of one record: the identity document
    id_missing: float = 0.02
    id_placeholder: float = 0.006
    id_old_form: float = 0.03
    id_typed_wrong: float = 0.010
    id_ruined_by_spreadsheet: float = 0.004

    # The name
    name_homophone: float = 0.010
    name_look_alike: float = 0.006
    name_traditional: float = 0.005
    name_variant: float = 0.006
    name_character_lost: float = 0.002
    name_dot_changed: float = 0.45
    former_name_in_brackets: float = 0.6
    spouse_surname_in_front: float = 0.001

    # Sex and birth date
    sex_wrong: float = 0.002
    birth_year_only: float = 0.003
    birth_month_only: float = 0.04
    birth_lunar: float = 0.018
    birth_day_and_month_swapped: float = 0.004
    birth_digit_wrong: float = 0.008
    birth_impossible: float = 0.0015

    # Phone, addresses, family
    phone_missing: float = 0.08
    phone_old: float = 0.14
    phone_typed_wrong: float = 0.012
    division_under_former_name: float = 0.18
    address_missing: float = 0.03
    address_shortened: float = 0.35
    residence_outdated: float = 0.10
    spouse_missing: float = 0.20

    # Of one county's file
    recorded_twice: float = 0.03
    updated_later: float = 0.06
    row_without_name: float = 0.0015
    row_without_sex: float = 0.001
    row_with_masked_name: float = 0.001
    row_with_forbidden_content: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many people the story has, where they belong, and how many papers are written about them."""

    people: int = 20_000
    huiji_to_yongkang: float = 0.30
    """Share of people registered in Huiji who live in Yongkang: both counties hold a record of most of them."""
    yongkang_to_huiji: float = 0.04
    others_in_yongkang: float = 0.30
    others_in_huiji: float = 0.12
    """The rest is registered in Huiji and lives there or somewhere else: only Huiji knows them."""
    recorded_at_both: float = 0.93
    """Chance that each of the two counties holds a record of somebody who moved between them."""

    consent_share: float = 0.35
    """Share of women from Huiji in Yongkang, aged 20 to 49, about whom a contraception report is written."""
    marriage_share: float = 0.12
    """Share of couples between the two counties whose marriage certificate travels."""
    birth_share: float = 0.9
    """Share of births of the last two years between the two counties whose certificate travels."""


CLEAN = Faults(**{field.name: 0.0 for field in fields(Faults)})
"""No fault at all: two records of one person agree in everything that both hold."""

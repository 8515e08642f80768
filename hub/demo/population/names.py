"""Draws names: Han names by birth year and sex, and the name patterns of five minorities."""

from dataclasses import dataclass
from random import Random

from hub.demo.population import given_names as given_tables
from hub.demo.population.draws import Wheel, by_rank, pick
from hub.demo.population.given_names import FASHIONS, MALE, Fashion
from hub.demo.population.surnames import SURNAMES

HAN, MONGOL, TIBETAN, UYGHUR, YI, KAZAKH = "01", "02", "04", "05", "07", "17"
READY_SHARE = 0.16
DOT = "·"


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its true form; `family` is empty where the people knows no surnames."""

    family: str
    given: str
    dotted: bool = False

    @property
    def text(self) -> str:
        return f"{self.family}{DOT}{self.given}" if self.dotted else self.family + self.given


class _Era:
    __slots__ = ("characters", "ready", "since", "single")

    def __init__(self, fashion: Fashion) -> None:
        self.since = fashion.since
        self.single = fashion.single
        self.ready = Wheel(by_rank(fashion.ready.split()))
        self.characters = Wheel(by_rank(fashion.characters, 14.0))


_SURNAMES = Wheel(SURNAMES)
_ERAS = {sex: [_Era(f) for f in FASHIONS if f.sex == sex] for sex in ("1", "2")}


def _era(sex: str, year: int) -> _Era:
    return next((era for era in reversed(_ERAS[sex]) if era.since <= year), _ERAS[sex][0])


def surname(rng: Random) -> str:
    return _SURNAMES.draw(rng)


def given(rng: Random, sex: str, year: int, shared: str = "", rare: float = 0.0) -> str:
    """A given name in the fashion of `year`; `shared` is a character that siblings have in common."""
    era = _era(sex, year)
    if shared:
        return shared + era.characters.draw(rng)
    if rare and rng.random() < rare:
        return pick(rng, given_tables.RARE_CHARACTERS) if rng.random() < 0.5 else _rare_pair(rng, era)
    if rng.random() < READY_SHARE:
        return era.ready.draw(rng)
    first = era.characters.draw(rng)
    return first if rng.random() < era.single else first + era.characters.draw(rng)


def _rare_pair(rng: Random, era: _Era) -> str:
    return era.characters.draw(rng) + pick(rng, given_tables.RARE_CHARACTERS)


def generation_character(rng: Random, year: int) -> str:
    """The character that brothers and sisters of one family may share."""
    return _era(MALE, year).characters.draw(rng)


def minority_name(rng: Random, ethnicity: str, sex: str) -> Name | None:
    """A name after the pattern of a minority; None for those whose people mostly bear Han names."""
    male = sex == MALE
    if ethnicity == UYGHUR:
        own = pick(rng, given_tables.UYGHUR_MALE if male else given_tables.UYGHUR_FEMALE)
        return Name(own, pick(rng, given_tables.UYGHUR_MALE), dotted=True)
    if ethnicity == KAZAKH:
        own = pick(rng, given_tables.KAZAKH_MALE if male else given_tables.KAZAKH_FEMALE)
        return Name(own, pick(rng, given_tables.KAZAKH_MALE), dotted=True)
    if ethnicity == YI:
        own = pick(rng, given_tables.YI_MALE if male else given_tables.YI_FEMALE)
        return Name(pick(rng, given_tables.YI_CLANS), own, dotted=rng.random() < 0.3)
    if ethnicity == TIBETAN:
        return Name("", pick(rng, given_tables.TIBETAN) + pick(rng, given_tables.TIBETAN))
    if ethnicity == MONGOL and rng.random() < 0.6:
        return Name("", pick(rng, given_tables.MONGOL_MALE if male else given_tables.MONGOL_FEMALE))
    return None

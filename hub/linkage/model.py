"""The linkage model: one JSON file, named by its id and the SHA-256 of its content, the same for every executor.

Weight of a pair = log2 prior odds + sum(log2 m/u + frequency adjustment) - log2((1 - sum h) + sum h * prod(w/u)): `m`
among matches, `u` among two people picked at random. People of one household, or using one ID, agree on phone, address
and family together: each such class has a share `h` of the non-matching pairs and level probabilities `w` of its own.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, name_levels, rescoring
from hub.linkage.layout import hashed
from hub.linkage.rescoring import Rescoring

FORMAT = 1
Floats = npt.NDArray[np.float64]
WEIGHED_BY_RARITY = {
    "surname": name_levels.SURNAME_SAME,
    "given": name_levels.SAME,
    "birth": comparisons.BIRTH_SAME,
}
"""The fields of which a shared value weighs by how rare it is, each with the level that says it is shared."""
DECIMALS = 6
"""Of a weight in bits: far below any threshold, above what executors' arithmetic differs by."""
MOST_BITS = 500.0
"""More than this, nothing is likelier in a class of pairs than among strangers."""
_RAREST = 12.0
"""Bits that the rarest or commonest value adds or takes at most."""


_MOST: Final = 0.5
"""The share of pairs that match, and that of two people's pairs which all classes have together, where people are few."""


class InvalidModel(ValueError):
    """A model file that does not fit the comparisons of this version. Retrying does not help."""


@dataclass(frozen=True)
class Frequencies:
    """How often a value is met, by its number in the features' row: `values` is sorted, `unlisted` is every other's share."""

    values: npt.NDArray[np.uint64]
    shares: Floats
    unlisted: float
    texts: tuple[str, ...] = ()

    @classmethod
    def spelled(cls, shares: Mapping[str, float], unlisted: float, number: Callable[[str], int]) -> "Frequencies":
        """The table of the shares of texts, where `number` is what stands for a text in the columns."""
        found = sorted((number(text), share, text) for text, share in shares.items())
        return cls(
            np.array([value for value, _, _ in found], dtype=np.uint64),
            np.array([share for _, share, _ in found]),
            unlisted,
            tuple(text for _, _, text in found),
        )


@dataclass(frozen=True, slots=True)
class Rarity:
    """What a shared value weighs beyond its level, in bits: a rare one says more than a common one.

    `values` is sorted; `unlisted` is what every other value weighs.
    """

    values: npt.NDArray[np.uint64]
    bits: Floats
    unlisted: float

    @classmethod
    def of(cls, frequencies: Frequencies, usual: np.float64) -> "Rarity":
        """`usual` is log2 of how often strangers share a value: log2(u of the level / share of the value) is added."""
        shares = np.append(frequencies.shares, frequencies.unlisted)
        bits = np.clip(usual - np.log2(shares), -_RAREST, _RAREST)
        return cls(frequencies.values, bits[:-1], float(bits[-1]))

    def weights(self, numbers: npt.NDArray[np.uint64]) -> Floats:
        if not len(self.values):
            return np.full(len(numbers), self.unlisted)
        place = np.minimum(np.searchsorted(self.values, numbers), len(self.values) - 1)
        return np.where(self.values[place] == numbers, self.bits[place], self.unlisted)


@dataclass(frozen=True, eq=False)
class Model:
    """Probabilities and thresholds. `match`, `random` and each class's array are indexed [field][level].

    From `review` on a person decides, from `auto` on the hub; `likely` is the best single cut for whoever has no person.
    """

    id: str
    hash: str
    population: int
    prior: float
    shares: Mapping[str, float]
    match: tuple[Floats, ...]
    random: tuple[Floats, ...]
    classes: Mapping[str, tuple[Floats, ...]]
    frequencies: Mapping[str, Frequencies]
    review: float
    likely: float
    auto: float
    rescoring: Rescoring = rescoring.NONE

    @cached_property
    def prior_weight(self) -> float:
        return float(np.log2(self.prior / (1 - self.prior)))

    @cached_property
    def weights(self) -> tuple[Floats, ...]:
        """log2 m/u of every field and level; a missing value weighs nothing."""
        return tuple(_ratio(m, u) for m, u in zip(self.match, self.random, strict=True))

    @cached_property
    def rarities(self) -> Mapping[str, Rarity]:
        """Of the fields of `WEIGHED_BY_RARITY`."""
        return {
            name: Rarity.of(self.frequencies[name], np.log2(self.random[comparisons.FIELDS.index(name)][level]))
            for name, level in WEIGHED_BY_RARITY.items()
        }

    def usual(self, field: int, level: int) -> float:
        """What a level of a field weighs where its value is neither rare nor common."""
        weight = float(self.weights[field][level]) * self.rescoring.scale
        return weight + float(self.rescoring.shifts[field][level]) if self.rescoring.shifts else weight

    @cached_property
    def class_ratios(self) -> tuple[Floats, ...]:
        """log2 w/u of every field: levels x classes, these in the order of `classes`."""
        found = []
        for at, random in enumerate(self.random):
            by_class = np.reshape([_ratio(w[at], random) for w in self.classes.values()], (-1, len(random)))
            found.append(np.ascontiguousarray(by_class.T))
        return tuple(found)

    def for_population(self, people: int) -> "Model":
        """The same model among `people` people: chance meetings, and meetings within a household, grow rarer with them."""
        factor = self.population / people
        # Among a handful, matches or the classes would be more than everybody: half is left to the others.
        of_classes = min(factor, _MOST / sum(self.shares.values())) if self.shares else factor
        return replace(
            self,
            population=people,
            prior=min(self.prior * factor, _MOST),
            shares={name: share * of_classes for name, share in self.shares.items()},
        )

    def spelled(self, number: Callable[[str], int]) -> "Model":
        """The same model for columns in which `number` stands for a name, as `layout.hashed` does in features."""
        respelled = {
            name: Frequencies.spelled(dict(zip(table.texts, table.shares, strict=True)), table.unlisted, number)
            for name, table in self.frequencies.items()
            if name != "birth"
        }
        return replace(self, frequencies={**self.frequencies, **respelled})


def _ratio(over: Floats, under: Floats) -> Floats:
    found: Floats = np.log2(over) - np.log2(under)
    found[comparisons.MISSING] = 0.0
    return found


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of the model's content in one canonical spelling."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path | None = None) -> Model:
    """The model in `path`, or the one that ships. Raises InvalidModel."""
    source = files("hub.linkage.models").joinpath("default.json") if path is None else path
    return parse(json.loads(source.read_text(encoding="utf-8")))


def parse(content: Mapping[str, Any]) -> Model:
    """A model from its JSON. Raises InvalidModel."""
    try:
        if content["format"] != FORMAT:
            raise InvalidModel(f"model format {content['format']} is not {FORMAT}")
        shares = {name: float(share) for name, share in content["classes"].items()}
        if not all(share > 0 for share in shares.values()) or sum(shares.values()) >= 1:
            raise InvalidModel("the shares of the classes must lie above 0, and together below 1")
        if not 0 < float(content["prior"]) < 1:
            raise InvalidModel("the prior must lie above 0 and below 1")
        return Model(
            id=str(content["id"]),
            hash=content_hash(content),
            population=int(content["population"]),
            prior=float(content["prior"]),
            shares=shares,
            match=_probabilities(content["comparisons"], "m"),
            random=_probabilities(content["comparisons"], "u"),
            classes={name: _probabilities(content["comparisons"], name) for name in shares},
            frequencies={name: _frequencies(name, content["frequencies"][name]) for name in WEIGHED_BY_RARITY},
            review=float(content["thresholds"]["review"]),
            likely=float(content["thresholds"]["likely"]),
            auto=float(content["thresholds"]["auto"]),
            rescoring=rescoring.parse(content.get("rescoring")),
        )
    except (KeyError, TypeError) as error:
        raise InvalidModel(f"model file lacks or misspells {error}") from error


def _probabilities(fields: Mapping[str, Mapping[str, Mapping[str, float]]], kind: str) -> tuple[Floats, ...]:
    found = []
    for comparison in comparisons.COMPARISONS:
        levels = fields[comparison.field]
        values = [1.0] + [float(levels[name][kind]) for name in comparison.levels[1:]]
        if not all(0 < value <= 1 for value in values):
            raise InvalidModel(f"{comparison.field}: every {kind} must lie above 0 and not above 1")
        found.append(np.array(values))
    return tuple(found)


def _frequencies(name: str, content: Mapping[str, Any]) -> Frequencies:
    shares = {value: float(share) for value, share in content["values"].items()}
    return Frequencies.spelled(shares, float(content["unlisted"]), int if name == "birth" else hashed)

"""`$match` finds what a batch over everybody finds, with the same weights: on invented people with every usual fault."""

import asyncio

import numpy as np
import pytest

from hub.linkage import blocking, features, score
from hub.linkage.model import load as load_model
from hub.runtime import Hub
from hub.services.gathering import Gathering
from hub.services.identity import matching
from hub.services.identity.matching import Wanted
from mappings.vocabulary import PERSON
from tests.bench.matching.register import Filled, fill
from tests.hubs import Enrolled
from tests.messages import CARE, agree

PEOPLE, QUESTIONS, SEED = 1200, 150, 23


def batch(hub: Hub, filled: Filled) -> list[dict[str, float]]:
    """For each question the records that a batch finds for it, with their weights."""
    table = filled.features + [features.extract(one.patient) for one in filled.questions]
    left, right = blocking.pairs([blocking.keys(one, hub.vault.blocking_secret) for one in table])
    first = len(filled.features)
    asked = (left < first) & (right >= first)
    left, right = left[asked], right[asked]
    scores = score.score_indexed(load_model(), table, left, right)
    found: list[dict[str, float]] = [{} for _ in filled.questions]
    for at in np.flatnonzero(scores.decision):
        found[right[at] - first][filled.numbers[left[at]]] = float(scores.weight[at])
    return found


def number_of(patient: dict[str, object]) -> str:
    """<member>/<record id>"""
    identifiers: list[dict[str, str]] = patient["identifier"]  # type: ignore[assignment]
    record = next(one for one in identifiers if one["system"].endswith(":record"))
    return f"{record['system'].split(':')[2]}/{record['value']}"


async def test_online_finds_what_a_batch_finds_with_the_same_weights(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    filled = await fill(hub, [yongkang.member, huiji.member], SEED, PEOPLE, QUESTIONS)
    wanted = [Wanted(huiji.member, CARE, features.extract(one.patient)) for one in filled.questions]
    assert len(wanted) >= 100
    together = [one for at in range(0, len(wanted), 32) for one in await matching.match_all(hub, wanted[at : at + 32])]
    expected = batch(hub, filled)
    hits = 0
    for question, answer, weights in zip(filled.questions, together, expected, strict=True):
        scores = {number_of(one.patient): one.score for one in answer.matches}
        assert scores == pytest.approx({number: 1 / (1 + 2.0**-weight) for number, weight in weights.items()}, abs=1e-9)
        hits += any(number in scores for number in question.numbers)
    assert hits / len(wanted) >= 0.99


async def test_asked_alone_and_together_the_answer_is_the_same(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    filled = await fill(hub, [yongkang.member, huiji.member], SEED, 200, 20)
    wanted = [Wanted(huiji.member, "", features.extract(one.patient)) for one in filled.questions]
    together = await matching.match_all(hub, wanted)
    assert [await matching.match(hub, one) for one in wanted] == together


async def test_what_breaks_an_act_is_told_to_who_asked_for_it_only() -> None:
    calls: list[int] = []

    async def act(asked: list[int]) -> list[int]:
        calls.append(len(asked))
        if 13 in asked:
            raise ValueError("13")
        return [one * 2 for one in asked]

    gathering: Gathering[int, int] = Gathering(act, most=4, at_once=1)  # type: ignore[arg-type]
    answers = await asyncio.gather(*(gathering.ask(one) for one in (13, 1, 2, 3, 4, 5)), return_exceptions=True)
    assert isinstance(answers[0], ValueError)
    assert answers[1:] == [2, 4, 6, 8, 10]
    assert calls == [4, 1, 1, 1, 1, 2]
    assert await gathering.ask(7) == 14

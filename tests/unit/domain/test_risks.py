"""Who decides alone and who does not."""

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import risks
from hub.domain.risks import Facts

QUIET = Facts(vetoes=(), together=False, records=(1, 1), certificates=0, sealed=0)


def codes(verdict: risks.Verdict, **changes: object) -> list[str]:
    facts = Facts(**{**{name: getattr(QUIET, name) for name in Facts.__slots__}, **changes})
    return risks.codes(risks.of(verdict, facts, most_records=5))


def test_what_is_of_high_risk() -> None:
    assert codes("same") == codes("different") == []
    assert codes("same", vetoes=("twins",)) == ["veto"]
    assert codes("different", vetoes=("twins",)) == []
    assert codes("same", vetoes=("id-used-by-two",)) == codes("different", vetoes=("id-used-by-two",))
    assert codes("same", vetoes=("twins", "id-used-by-two")) == ["id-used-by-two", "veto"]
    assert codes("same", clashes=("twins",)) == ["veto"]
    assert codes("different", clashes=("twins", "id-used-by-two")) == []
    assert codes("same", certificates=1) == codes("same", sealed=2) == ["papers"]
    assert codes("different", certificates=1) == []
    assert codes("different", certificates=1, together=True) == ["papers"]
    assert codes("same", certificates=1, together=True) == []
    assert codes("same", records=(5, 5)) == []
    assert codes("same", records=(1, 6)) == codes("same", records=(6, 1)) == ["many-records"]


FACTS = st.builds(
    Facts,
    vetoes=st.lists(st.sampled_from(["twins", "two-valid-ids", "id-used-by-two"]), unique=True).map(tuple),
    together=st.booleans(),
    records=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    certificates=st.integers(0, 3),
    sealed=st.integers(0, 3),
    clashes=st.lists(st.sampled_from(["twins", "id-used-by-two"]), unique=True).map(tuple),
)


@given(FACTS, st.sampled_from(["same", "different"]))
def test_every_reason_is_in_both_languages_and_given_once(facts: Facts, verdict: risks.Verdict) -> None:
    found = risks.of(verdict, facts, most_records=5)
    assert len({risk.code for risk in found}) == len(found)
    assert all(risk.en and any("一" <= sign <= "鿿" for sign in risk.zh) for risk in found)


@given(FACTS)
def test_more_at_stake_never_needs_fewer(facts: Facts) -> None:
    more = Facts((*facts.vetoes, "death-before-activity"), facts.together, (30, 30), 1, 1, facts.clashes)
    for verdict in ("same", "different"):
        before = set(risks.codes(risks.of(verdict, facts, most_records=5)))
        assert before <= set(risks.codes(risks.of(verdict, more, most_records=5)))

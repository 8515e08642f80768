"""The gates of checking: what is right costs no more than this, in microseconds of CPU time."""

import sys

import pytest

from tests.bench.api import validation

pytestmark = pytest.mark.bench

GATES = {"Patient": 15, "Observation": 10, "Bundle of 50": 700}


def test_checking_is_cheap() -> None:
    found = validation.compared({"now": validation.HERE})["now"]
    sys.stdout.write(f"\nchecking, µs: {', '.join(f'{name} {took:.1f}' for name, took in found.items())}\n")
    assert {name: found[name] for name, most in GATES.items() if found[name] > most} == {}

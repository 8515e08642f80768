"""What is known before any pair is counted, and the share it has against the counts of each kind.

How often one person's two records disagree in real registers, where training records may be too tidy (remarriage, a
registration that moved, children left out); how twins are named; and the rates of fields that training records lack.
"""

SHARES = {"m": 0.03, "twins": 0.9}
BELIEFS: dict[str, dict[str, dict[str, float]]] = {
    "document": {
        "m": {"differs": 0.06, "one-slip": 0.04, "same": 0.9},
        "u": {"differs": 1 - 1.1e-5, "one-slip": 1e-5, "same": 1e-6},
    },
    "postal": {
        "m": {"differs": 0.2, "one-slip": 0.05, "same": 0.75},
        "u": {"differs": 0.988, "one-slip": 0.01, "same": 0.002},
        "household": {"differs": 0.1, "one-slip": 0.02, "same": 0.88},
        "twins": {"differs": 0.1, "one-slip": 0.02, "same": 0.88},
    },
    "ethnicity": {"m": {"differs": 0.01, "same": 0.99}, "u": {"differs": 0.15, "same": 0.85}},
    "origin": {
        "m": {
            "differs": 0.2,
            "unlike": 0.0,
            "same-prefecture": 0.05,
            "same-county": 0.3,
            "same-town": 0.2,
            "same-short": 0.0,
            "similar": 0.1,
            "same": 0.15,
        }
    },
    "residence": {
        "m": {
            "differs": 0.25,
            "unlike": 0.0,
            "same-prefecture": 0.1,
            "same-county": 0.25,
            "same-town": 0.15,
            "same-short": 0.0,
            "similar": 0.1,
            "same": 0.15,
        }
    },
    "spouse": {"m": {"differs": 0.7, "same-name": 0.3, "same-id": 1e-4}},
    "parents": {"m": {"differ": 0.2, "one-same": 0.6, "both-same": 0.2}},
    "children": {"m": {"none-shared": 0.7, "shared": 0.3}},
    "given": {
        "m": {
            "differs": 0.15,
            "part": 0.1,
            "shortened": 0.05,
            "character-lost": 0.0,
            "near-sound": 0.05,
            "sound": 0.1,
            "shape": 0.2,
            "sound-and-tone": 0.15,
            "swapped": 0.0,
            "former": 0.1,
            "same": 0.1,
        },
        "twins": {
            "differs": 0.4976,
            "part": 0.45,
            "shortened": 0.002,
            "character-lost": 0.0,
            "near-sound": 0.01,
            "sound": 0.01,
            "shape": 0.02,
            "sound-and-tone": 0.01,
            "swapped": 0.0,
            "former": 2e-4,
            "same": 2e-4,
        },
    },
    "surname": {"m": {"differs": 0.15, "similar": 0.35, "slip": 0.0, "same": 0.5}},
    "resident_id": {
        "m": {
            "differs-checked": 0.01,
            "differs": 0.09,
            "neighbour": 0.0,
            "two-slips": 0.2,
            "cut": 0.2,
            "one-slip": 0.2,
            "same": 0.3,
        }
    },
}

_ALONE = {"m": 5e-4, "u": 2e-3, "household": 5e-4, "twins": 5e-4, "shared-id": 2e-3}
_SHORT = {"m": 0.01, "u": 1.5e-3, "household": 0.01, "twins": 0.01, "shared-id": 1.5e-3}
STATED: dict[str, dict[str, dict[str, float]]] = {
    "resident_id": {"neighbour": {"m": 0.002, "u": 0.01, "household": 0.01, "twins": 0.5, "shared-id": 0.01}},
    "surname": {"slip": {"m": 0.004, "u": 2e-4, "household": 4e-3, "twins": 4e-3, "shared-id": 2e-4}},
    "given": {
        "character-lost": {"m": 0.004, "u": 4e-4, "household": 2e-3, "twins": 0.02, "shared-id": 4e-4},
        "swapped": {"m": 0.001, "u": 1e-6, "household": 1e-5, "twins": 1e-5, "shared-id": 1e-6},
    },
    "origin": {"unlike": _ALONE, "same-short": _SHORT},
    "residence": {"unlike": _ALONE, "same-short": _SHORT},
}
"""Levels that training records hardly show, at rates as stated; the other levels of the field share what is left.

Of neighbouring numbers county and birth date are counted with the birth date: what is left is how few sequences lie so
near. Of addresses without a division only the proportion of the rates weighs; a short one, a house number, is met in
every village.
"""

"""What is known before any pair is counted, and the share it has against the counts of each kind.

How often one person's two records disagree in real registers, where training records may be too tidy (remarriage, a
registration that moved, children left out); how twins are named; and the rates of fields that training records lack.
"""

SHARES = {"m": 0.03, "twins": 0.9}
BELIEFS: dict[str, dict[str, dict[str, float]]] = {
    "document": {"m": {"differs": 0.06, "same": 0.94}, "u": {"differs": 1 - 1e-6, "same": 1e-6}},
    "ethnicity": {"m": {"differs": 0.01, "same": 0.99}, "u": {"differs": 0.15, "same": 0.85}},
    "origin": {
        "m": {
            "differs": 0.2,
            "same-prefecture": 0.05,
            "same-county": 0.3,
            "same-town": 0.2,
            "similar": 0.1,
            "same": 0.15,
        }
    },
    "residence": {
        "m": {
            "differs": 0.25,
            "same-prefecture": 0.1,
            "same-county": 0.25,
            "same-town": 0.15,
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
            "near-sound": 0.05,
            "sound": 0.1,
            "shape": 0.2,
            "sound-and-tone": 0.15,
            "former": 0.1,
            "same": 0.1,
        },
        "twins": {
            "differs": 0.4976,
            "part": 0.45,
            "shortened": 0.002,
            "near-sound": 0.01,
            "sound": 0.01,
            "shape": 0.02,
            "sound-and-tone": 0.01,
            "former": 2e-4,
            "same": 2e-4,
        },
    },
    "surname": {"m": {"differs": 0.15, "similar": 0.35, "same": 0.5}},
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

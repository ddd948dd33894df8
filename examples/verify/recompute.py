"""Check past verdicts of a released test set, with nothing of the program that gave them.

    assay ledger show --json --limit 1000000 > ledger.jsonl
    assay testset release test --output released
    python recompute.py released ledger.jsonl

For each answer: the opening has the SHA-256 that the ledger got before the evaluation; the rows and the predictions have
those that the opening names; the words are those that the ledger has; and whether the claim passed is computed anew, for
claims about n, o and d on independent rows: exact binomial tests, and the sign test for ``n - o > 0``. Exit code: 0 all
agree, 1 something does not, 3 a verdict could not be computed here (its hashes agree).
"""

import hashlib
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom


def digest(path):
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_least(hits, rows, share):
    """P(a binomial number is at least ``hits``)."""
    return float(binom.sf(hits - 1, rows, share))


def p_value(clause, new, old, labels):
    """Exact p-value against "the clause does not hold"; ``None`` for a clause that is not known here."""
    found = re.fullmatch(r"(n - o|n|o|d) ([<>]=?) (-?[\d.e-]+)( \+/- [\d.e-]+)?", clause)
    if not found:
        return None
    what, sign, limit = found[1], found[2][0], float(found[3])
    if what == "n - o":
        if limit != 0:
            return None
        right, before = new == labels, old == labels
        wins, losses = int((right & ~before).sum()), int((before & ~right).sum())
        wins, losses = (wins, losses) if sign == ">" else (losses, wins)
        return at_least(wins, wins + losses, 0.5)
    hit = {"n": lambda: new == labels, "o": lambda: old == labels, "d": lambda: new != old}[what]()
    if sign == ">":
        return at_least(int(hit.sum()), len(hit), limit)
    return at_least(int((~hit).sum()), len(hit), 1 - limit)


def predictions(folder, name, labels):
    """Predicted labels; floats that are not all whole, beside labels 0 and 1, are probabilities of class 1."""
    values = pd.read_csv(folder / f"{name}.csv")["prediction"].to_numpy()
    if values.dtype.kind == "f" and set(np.unique(labels)) <= {0, 1} and not np.array_equal(values, np.floor(values)):
        return (values >= 0.5).astype(int)
    return values


def recompute(folder, opening):
    """Whether the claim passes; ``None`` if that cannot be computed here."""
    if opening["mode"] != "fp-free" or opening["unit"] or opening["slice"] or opening["slices"]:
        return None
    labels = pd.read_csv(folder / "rows.csv")[opening["label"]].to_numpy()
    new = predictions(folder, opening["new"], labels)
    old = predictions(folder, opening["old"], labels) if "old" in opening else None
    values = [p_value(clause, new, old, labels) for clause in opening["claim"].split(" and ")]
    if any(value is None for value in values):
        return None
    # Every clause has to be shown at the whole level: a wrong pass needs a wrong clause.
    return max(values) <= opening["level"] * (1 + 1e-9)


def check(folder, answer, ledger):
    """Say what is wrong with an answer; an empty text if nothing is, ``None`` if its verdict is not computed here."""
    opening = json.loads(answer["opening"])
    commitment = hashlib.sha256(answer["opening"].encode()).hexdigest()
    entry = ledger.get(answer["entry"])
    if entry is None or entry["state"] != "reserve" or entry["detail"].get("commitment") != commitment:
        return "the ledger was given another commitment before the evaluation"
    if digest(folder / "rows.csv") != opening["rows"]:
        return "rows or labels are not those that were judged on"
    for side in ("new", "old"):
        if side in opening and digest(folder / f"{opening[side]}.csv") != opening[side]:
            return f"predictions of the {side} model are not those that were judged"
    ends = [e for e in ledger.values() if e["reservation"] == entry["reservation"] and e["state"] == "settle"]
    if not ends or ends[0]["detail"].get("words") != answer["words"]:
        return "the ledger has another verdict"
    if not math.isclose(entry["amount"], opening["level"], rel_tol=1e-9):
        return "the level is not what was paid for"
    passed = recompute(folder, opening)
    if passed is None:
        return None
    said = answer["words"] == ["pass"]
    return (
        ""
        if passed == said
        else f"the verdict was {answer['words'][0]}, and recomputed it {'passes' if passed else 'does not pass'}"
    )


def main(folder, ledger):
    """Check every answer of a released folder, and say how it went."""
    answers = json.loads((Path(folder) / "answers.json").read_text())
    entries = {entry["seq"]: entry for entry in map(json.loads, Path(ledger).read_text().splitlines())}
    code = 0
    for answer in answers:
        wrong = check(Path(folder), answer, entries)
        opening = json.loads(answer["opening"])
        words = "agrees" if wrong == "" else wrong or "hashes agree; this verdict is not computed here"
        print(f"{opening['check']}: {opening['claim']}: {', '.join(answer['words'])}: {words}")
        code = 1 if wrong or code == 1 else 3 if wrong is None else code
    if not answers:
        print("no answers were released")
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

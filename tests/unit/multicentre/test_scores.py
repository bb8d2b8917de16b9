"""Readings in categories: published kappas, tables, truth, changes of management."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.kappa import agreement_weights, fleiss_kappa, kappa
from biomarker_cli.multicentre.score_table import READER_SCORES, ScoreRules, score_rows
from biomarker_cli.multicentre.scores import parse_orders, read_scores, read_truth
from biomarker_cli.tables.writing import table_lines

SKIN = [[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]]
"""Two dermatologists (SAS/STAT User's Guide, The FREQ procedure, agreement study)."""

COHEN_1968 = [[88, 10, 2], [14, 40, 6], [18, 10, 12]]
FLEISS_1981 = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
FLEISS_COHEN_EVERITT_1969 = [[106, 10, 4], [22, 28, 10], [2, 12, 6]]

PUBLISHED = [
    # Estimate and 95 % limits; those of statsmodels 0.15.0 to the last digit shown.
    (SKIN, "equal", 0.344875, 0.202980, 0.486770),
    (SKIN, "linear", 0.508160, 0.379766, 0.636554),
    (SKIN, "quadratic", 0.660723, 0.539905, 0.781541),
    (COHEN_1968, "equal", 0.491525, 0.391564, 0.591487),
    (FLEISS_1981, "equal", 0.676471, 0.504576, 0.848365),
    (FLEISS_1981, "linear", 0.722222, 0.556995, 0.887449),
    (FLEISS_COHEN_EVERITT_1969, "equal", 0.428571, 0.323300, 0.533843),
    (FLEISS_COHEN_EVERITT_1969, "quadratic", 0.566667, 0.457563, 0.675771),
]


@pytest.mark.parametrize(("counts", "weights", "value", "low", "high"), PUBLISHED)
def test_published_kappas(counts, weights, value, low, high):
    table = np.array(counts, dtype=float)
    found = kappa(table, agreement_weights(len(table), weights))
    told = (found.value, found.low, found.high)
    assert told == pytest.approx((value, low, high), abs=1e-6)
    turned = kappa(table.T, agreement_weights(len(table), weights))
    assert (turned.value, turned.low) == pytest.approx((found.value, found.low), abs=1e-12)


def test_the_weighted_kappa_of_cohen():
    # Disagreement weights 0 1 3 / 1 0 6 / 3 6 0: 0.348 in the paper.
    weights = 1 - np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]]) / 6
    found = kappa(np.array(COHEN_1968, dtype=float), weights)
    assert found.value == pytest.approx(0.347826, abs=1e-6)


def test_kappa_of_one_category_is_not_defined():
    assert kappa(np.array([[5.0, 0], [0, 0]]), np.eye(2)) is None
    perfect = kappa(np.array([[5.0, 0], [0, 5]]), np.eye(2))
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    with pytest.raises(ValueError, match="no case"):
        kappa(np.zeros((2, 2)), np.eye(2))


def test_the_kappa_of_several_readers():
    # Fleiss 1971 as it is worked elsewhere: 10 cases, 14 readers, 5 categories.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(counts, dtype=float)) == pytest.approx(0.2099, abs=5e-5)
    assert fleiss_kappa(np.array([[3.0, 0], [3, 0]])) is None
    for bad in ([[3, 0], [2, 0]], [[1, 0]], np.zeros((0, 2))):
        with pytest.raises(ValueError, match="as many readers"):
            fleiss_kappa(np.array(bad, dtype=float))


# Tables.

NAMES = ("case_id", "reader_id", "category", "item", "occasion")


def write(path, rows, names=NAMES):
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([names, *rows])
    return path


def of_table(counts, names):
    """Return readings of two readers, as a table counts them."""
    cases = [(a, b) for a, row in enumerate(counts) for b, n in enumerate(row) for _ in range(n)]
    for number, (a, b) in enumerate(cases):
        yield (f"C{number}", "alice", names[a], "", "")
        yield (f"C{number}", "bob", names[b], "", "")


def rows_of(path, truth=None, **rules):
    orders = parse_orders(rules.pop("orders", ()))
    true = {} if truth is None else read_truth(truth)
    rows = score_rows(read_scores(path), true, ScoreRules(orders, **rules))
    assert table_lines(READER_SCORES, rows)
    return rows


WORDS = ("terrible", "poor", "marginal", "clear")


def test_an_order_gives_weights(tmp_path):
    path = write(tmp_path / "s.csv", of_table(SKIN, WORDS))
    (row,) = rows_of(path)
    assert row["kappa"] == pytest.approx(0.344875, abs=1e-6)
    assert "kappa_linear" not in row
    assert "--order" in row["reason"]
    (row,) = rows_of(path, orders=[",".join(WORDS)])
    assert row["kappa_linear"] == pytest.approx(0.508160, abs=1e-6)
    assert (row["n_cases"], row["n_agree"]) == (88, 45)
    # Numbers have an order, and it is not that of their digits.
    numbers = write(tmp_path / "n.csv", of_table(SKIN, ("1", "2", "9", "10")))
    (row,) = rows_of(numbers)
    assert row["kappa_quadratic"] == pytest.approx(0.660723, abs=1e-6)


def test_what_no_score_has_is_no_rule_of_it(tmp_path):
    path = write(tmp_path / "s.csv", of_table(SKIN, WORDS))
    for rules, said in (
        ({"orders": ["lession=poor,clear"]}, "lession"),
        ({"orders": [",".join(WORDS)], "positive": "clera"}, "clera"),
    ):
        with pytest.raises(BiomarkerError, match=said) as refused:
            rows_of(path, **rules)
        assert refused.value.code == "SCORE-CATEGORY"


def test_103_of_124_agree(tmp_path):
    cases = [
        (f"C{n}", reader, "yes" if n < 103 or reader == "a" else "no", "", "")
        for n in range(124)
        for reader in "ab"
    ]
    (row,) = rows_of(write(tmp_path / "s.csv", cases))
    assert (row["n_agree"], row["n_cases"]) == (103, 124)
    assert round(row["agreement"], 2) == 0.83
    assert (row["agreement_ci95_low"], row["agreement_ci95_high"]) == pytest.approx(
        (0.752849, 0.892003), abs=1e-6
    )


def test_management_that_changes(tmp_path):
    before = [(f"C{n}", "a", "watch", "management", "1") for n in range(10)]
    after = [(f"C{n}", "a", "biopsy" if n < 3 else "watch", "management", "2") for n in range(9)]
    (row,) = rows_of(write(tmp_path / "s.csv", [*after, *before]))
    assert (row["comparison"], row["occasion"], row["later_occasion"]) == ("occasions", "1", "2")
    assert (row["n_cases"], row["n_left_out"], row["n_agree"]) == (9, 1, 6)
    assert row["changed"] == pytest.approx(3 / 9)
    assert row["changed_ci95_low"] == pytest.approx(0.0749, abs=1e-4)


def test_readers_are_held_against_the_truth(tmp_path):
    true = write(
        tmp_path / "t.csv", [(f"C{n}", str(1 + n % 5)) for n in range(20)], ("case_id", "category")
    )
    said = [(f"C{n}", "a", str(min(5, 1 + n % 5 + (n < 5))), "", "") for n in range(20)]
    (row,) = rows_of(write(tmp_path / "s.csv", said), true, positive="4")
    # Of C0..C4 the one of truth 3 is called 4.
    assert (row["comparison"], row["n_agree"]) == ("truth", 16)
    assert row["sensitivity"] == 1.0
    assert row["specificity"] == pytest.approx(11 / 12)
    assert row["specificity_ci95_low"] < 11 / 12 < row["specificity_ci95_high"]
    (row,) = rows_of(write(tmp_path / "s.csv", said), true)
    assert "sensitivity" not in row


def test_three_readers_have_a_kappa_of_all(tmp_path):
    said = [(f"C{n}", reader, "x" if n % 2 else "y", "", "") for n in range(6) for reader in "abc"]
    rows = rows_of(
        write(tmp_path / "s.csv", [*said, ("C9", "a", "x", "", ""), ("C8", "b", "", "", "")])
    )
    assert [(r["comparison"], r["a"], r["b"]) for r in rows] == [
        ("readers", "a", "b"),
        ("readers", "a", "c"),
        ("readers", "b", "c"),
        ("all", "all", ""),
    ]
    assert (
        rows[-1]["kappa"],
        rows[-1]["n_agree"],
        rows[-1]["n_cases"],
        rows[-1]["n_left_out"],
    ) == (1, 6, 6, 2)
    # A case that was not read is no reading.
    assert (rows[0]["n_cases"], rows[0]["n_left_out"]) == (6, 1)


def test_items_have_orders_of_their_own(tmp_path):
    said = [(f"C{n}", r, "hi" if n % 2 else "lo", "risk", "") for n in range(4) for r in "ab"]
    said += [(f"C{n}", r, "1" if n else "2", "grade", "") for n in range(4) for r in "ab"]
    rows = rows_of(write(tmp_path / "s.csv", said), orders=["risk=lo,hi"])
    assert [(r["item"], r["kappa_linear"]) for r in rows] == [("grade", 1.0), ("risk", 1.0)]


BAD = {
    "a case twice": ([("C1", "a", "x", "", ""), ("C1", "a", "y", "", "")], (), "SCORE-REPEATED"),
    "no case": ([("", "a", "x", "", "")], (), "SCORES-EMPTY"),
    "no row": ([], (), "SCORES-EMPTY"),
    "one reader": ([("C1", "a", "x", "", "")], (), "SCORES-NO-PAIR"),
    "an unknown category": ([("C1", r, "z", "", "") for r in "ab"], ("x,y",), "SCORE-CATEGORY"),
    "a category twice": ([("C1", r, "x", "", "") for r in "ab"], ("x,x",), "SCORE-CATEGORY"),
    "no order": ([("C1", r, "x", "", "") for r in "ab"], ("x",), "SCORE-CATEGORY"),
    "free text": (
        [(f"C{n}", r, f"t{n}", "", "") for n in range(200) for r in "ab"],
        (),
        "SCORE-CATEGORY",
    ),
    "mixed columns": ([("C", f"R{n}", "x", "", "") for n in range(600)], (), "SCORES-MANY"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_used_is_refused(name, tmp_path):
    said, orders, code = BAD[name]
    path = write(tmp_path / "s.csv", said)
    with pytest.raises(BiomarkerError) as caught:
        rows_of(path, orders=orders)
    assert caught.value.code == code


def test_other_columns_are_refused(tmp_path):
    path = write(tmp_path / "s.csv", [("C1", "a")], ("case_id", "reader"))
    for read in (read_scores, read_truth):
        with pytest.raises(BiomarkerError) as caught:
            read(path)
        assert caught.value.code == "TABLE-COLUMNS"
    (tmp_path / "e.csv").write_bytes(b"")
    with pytest.raises(BiomarkerError) as caught:
        read_scores(tmp_path / "e.csv")
    assert caught.value.code == "TABLE-UNREADABLE"


def test_no_pair_of_readings_is_undefined(tmp_path):
    (row,) = rows_of(
        write(tmp_path / "s.csv", [("C1", "a", "x", "", ""), ("C2", "b", "x", "", "")])
    )
    assert (row["status"], row["n_cases"], row["n_left_out"]) == ("undefined", 0, 2)
    (row,) = rows_of(write(tmp_path / "o.csv", [("C1", r, "x", "", "") for r in "ab"]))
    assert (row["status"], row["agreement"]) == ("ok", 1.0)
    assert "one category alone" in row["reason"]

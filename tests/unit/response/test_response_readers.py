"""Several readers: how they agree, why not, and what a third one decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_response import assessed_of

from biomarker_cli.response.agreement import (
    adjudication_rows,
    agreement_rows,
    disagreements,
    kappa,
)


def read(reader, targets, subject="S1"):
    found = assessed_of("recist-1.1", targets)
    return replace(found, course=replace(found.course, reader=reader, subject_id=subject))


def causes(a, b):
    return [said for _, _, _, said in disagreements(read("a", a), read("b", b))]


def test_where_two_readings_differ():
    assert causes(["T1=30", "T1=30"], ["T1=30", "T1=20"]) == [["size"]]
    assert causes(["T1=30;T2=20", "T1=30;T2=20"], ["T1=30", "T1=20"]) == [["selection"]]
    new = {"target": "T1=30", "new_lesion": "yes"}
    assert causes(["T1=30", "T1=30"], ["T1=30", new]) == [["new_lesion"]]
    first = {"target": "T1=30", "non_target": "present"}
    worse, same = ({"target": "T1=30", "non_target": word} for word in ("pd", "non_cr_non_pd"))
    assert causes([first, worse], [first, same]) == [["non_target"]]
    assert causes(["T1=30", "T1=30"], ["T1=30", "T1=30", "T1=30"]) == [["timepoint"]]
    assert causes(["T1=30", "T1=30"], ["T1=30", "T1=29"]) == []


def test_kappa_of_a_textbook():
    # Cohen's table 20, 5, 10, 15: observed 0.7, expected 0.5, standard error 0.1296.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    value, low, high = kappa(pairs)
    assert value == pytest.approx(0.4)
    assert (low, high) == pytest.approx((0.4 - 1.96 * 0.12961, 0.4 + 1.96 * 0.12961), abs=1e-4)
    assert kappa([("SD", "SD")] * 5) == (None, None, None)
    assert kappa([]) == (None, None, None)


def test_agreement_and_the_list_of_a_third_reader():
    assessed = [
        read("a", ["T1=30", "T1=20"], "S1"),
        read("b", ["T1=30", "T1=22"], "S1"),
        read("a", ["T1=40", "T1=40"], "S2"),
        read("b", ["T1=40", "T1=38"], "S2"),
    ]
    rows = {row["measure"]: row for row in agreement_rows(assessed)}
    assert (rows["differ_overall"]["n"], rows["differ_overall"]["estimate"]) == (2, 0.5)
    assert rows["value_difference"]["estimate"] == pytest.approx(0.0)
    assert rows["cause_size"]["estimate"] == 1.0
    queue = list(adjudication_rows(assessed, {("S1", "TP1"): "a.png"}))
    assert [
        (row["subject_id"], row["timepoint"], row["call_a"], row["call_b"]) for row in queue
    ] == [
        ("S1", "TP1", "PR", "SD"),
        ("S1", "", "PR", "SD"),
    ]
    assert queue[0]["picture"] == "a.png"


def test_readers_who_agree_in_everything_have_no_interval_of_no_width():
    assert kappa([("SD", "SD"), ("PD", "PD")]) == (1.0, None, None)
    assert kappa([("SD", "PD"), ("PD", "SD")]) == (-1.0, None, None)
    assessed = [read(name, ["T1=30", "T1=20", "T1=40"]) for name in "ab"]
    row = next(one for one in agreement_rows(assessed) if one["measure"] == "kappa_overall")
    assert (row["estimate"], row["low"], row["high"]) == (1.0, None, None)
    assert "no interval" in row["reason"]


def test_a_best_response_between_readers_is_that_of_the_subject():
    # They differ from day 112 on alone, and a new therapy began on day 100.
    assessed = [
        read("a", ["T1=30", "T1=30", "T1=20"]),
        read("b", ["T1=30", "T1=30", "T1=30"]),
    ]

    def differing(last_days):
        rows = {row["measure"]: row for row in agreement_rows(assessed, last_days)}
        queue = adjudication_rows(assessed, {}, last_days)
        return rows["differ_best"]["estimate"], [r for r in queue if r["timepoint"] == ""]

    share, queue = differing({})
    assert (share, len(queue)) == (1.0, 1)
    assert differing({"S1": 100}) == (0.0, [])


def test_the_order_of_the_readers_changes_nothing():
    assessed = [read(name, ["T1=30", size]) for name, size in (("a", "T1=20"), ("b", "T1=22"))]
    assert list(agreement_rows(assessed)) == list(agreement_rows(assessed[::-1]))

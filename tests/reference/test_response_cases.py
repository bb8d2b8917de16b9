"""Published, test-data and derived sequences: the response and best response that must come out."""

from __future__ import annotations

import csv
from collections import defaultdict

import pytest

from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.response.assessing import assess
from biomarker_cli.response.best import best_response
from biomarker_cli.response.criterion import load_criterion
from biomarker_cli.response.from_table import TableRow, read_rows, table_courses

READ = (
    *("criterion", "subject_id", "timepoint", "day", "target", "non_target", "new_lesion"),
    *("new_lesion_sizes", "extra"),
)
VARIANT = "confirm=14;max_ne=0;accept_sd=yes;min_sd=28"


def pairs(text):
    return dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)


@pytest.fixture(scope="module")
def cases(reference_dir):
    found = defaultdict(list)
    with (reference_dir / "response_cases.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found[row["criterion"], row["subject_id"]].append(row)
    return found


@pytest.fixture(scope="module")
def criteria():
    loaded = [load_criterion(str(path)) for path in list_protocols(ProtocolKind.RESPONSE)]
    return {label: one for one in loaded for label in one.file.labels}


def assessed(rows, criterion, policies=None):
    read = [
        TableRow(line, {name: row[name] for name in READ}) for line, row in enumerate(rows, start=2)
    ]
    (outcome,) = table_courses(read, criterion)
    assert outcome.error is None
    return assess(outcome.course, criterion, policies or {})


def test_there_are_104_sequences_of_every_kind(cases, criteria):
    assert len(cases) == 104
    assert {criterion for criterion, _ in cases} <= criteria.keys()


def test_every_sequence_gives_the_expected_response(cases, criteria):
    wrong = {}
    for (label, subject), rows in cases.items():
        found = {one.visit.timepoint: one.overall for one in assessed(rows, criteria[label]).visits}
        expected = {
            row["timepoint"]: row["expected_response"] for row in rows if row["expected_response"]
        }
        if found != expected:
            wrong[subject] = (found, expected)
    assert wrong == {}


def test_every_sequence_gives_the_expected_best_response(cases, criteria):
    wrong, n_judged = {}, 0
    for (label, subject), rows in cases.items():
        best = best_response(assessed(rows, criteria[label]))
        progression = best.progression
        day = str(progression.dated_day) if progression else None
        found = {
            "BOR": best.best.call,
            "iBOR": best.best.call,
            "CBOR": best.confirmed.call,
            "PD_day": day,
            "iPD_day": day,
        }
        for name, expected in pairs(rows[-1]["expected_best"]).items():
            if name.startswith("variant"):
                continue
            n_judged += 1
            if found[name] != expected:
                wrong[subject, name] = (found[name], expected)
    assert wrong == {}
    assert n_judged > 100


def test_another_rule_of_confirmation_gives_the_expected_variant(cases, criteria):
    n_judged = 0
    for (label, _), rows in cases.items():
        expected = pairs(rows[-1]["expected_best"]).get("variant_confirm14_ne0_acceptSD")
        if expected is None:
            continue
        n_judged += 1
        changed = [dict(row) for row in rows]
        for row in changed:
            row["extra"] = ";".join(
                part for part in row["extra"].split(";") if part.startswith("given=")
            )
        changed[0]["extra"] += f";{VARIANT}"
        assert best_response(assessed(changed, criteria[label])).confirmed.call == expected
    assert n_judged == 7


def test_other_policies_give_what_the_table_says_of_them(cases, criteria):
    n_judged = 0
    for (label, _), rows in cases.items():
        for row in rows:
            for choice, expected in pairs(row["expected_other"]).items():
                if choice not in {"once_assigned", "once_confirmed", "never"}:
                    continue
                n_judged += 1
                policies = {"pr_persists": choice}
                found = assessed(rows, criteria[label], policies).visits
                calls = {one.visit.timepoint: one.overall for one in found}
                assert calls[row["timepoint"]] == expected
    assert n_judged == 11


def test_rows_after_progression_say_so(cases, criteria):
    n_judged = 0
    for (label, _), rows in cases.items():
        for row in rows:
            if "flag=after_pd" in row["expected_other"]:
                n_judged += 1
                found = assessed(rows, criteria[label]).visits
                flags = {one.visit.timepoint: one.flags for one in found}
                assert "after_pd" in flags[row["timepoint"]]
    assert n_judged == 1


def test_notes_and_expected_columns_are_never_read(cases, criteria, reference_dir, tmp_path):
    noise = tmp_path / "noise.csv"
    with (reference_dir / "response_cases.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for place, row in enumerate(rows):
        row["note"] = f"=PD;CR \x1b[31m{place}"
        row["source"] = "<b>x</b>"
        for name in ("expected_response", "expected_best", "expected_other"):
            row[name] = "PD"
    with noise.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    plain = read_rows(reference_dir / "response_cases.csv")
    assert [row.cells for row in read_rows(noise)] == [row.cells for row in plain]


def test_the_order_of_the_rows_changes_nothing(cases, criteria):
    for (label, _), rows in cases.items():
        calls = [one.overall for one in assessed(rows, criteria[label]).visits]
        turned = rows[::-1]
        assert [one.overall for one in assessed(turned, criteria[label]).visits] == calls

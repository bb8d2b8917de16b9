"""Rows that may not be taken together with others take no part, and are counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.change import ChangeRules, changes
from biomarker_cli.multicentre.combat import CombatRules
from biomarker_cli.multicentre.combat_model import (
    HARMONISED,
    CombatPlan,
    apply_model,
    fit_model,
    harmonised_rows,
)
from biomarker_cli.multicentre.combat_report import left_out_notes, report_rows
from biomarker_cli.multicentre.combat_samples import of_usable, strata_of
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.losses import Loss, loss_of
from biomarker_cli.multicentre.measured import MeasuredTable
from biomarker_cli.multicentre.observations import read_observations
from biomarker_cli.multicentre.provenance import divergences
from biomarker_cli.multicentre.reader_features import read_readings, reader_features
from biomarker_cli.multicentre.reference_ranges import fit_ranges, load_reference
from biomarker_cli.multicentre.referenced import referenced_rows
from biomarker_cli.multicentre.repeatability_table import repeatability_file, study_repeats
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.measured_rows import LEFT_OUT, left_out_words, read_measurements
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import CASES, MEASUREMENTS
from biomarker_cli.tables.writing import write_json, write_table
from tests.synthetic_tables import MEDIAN, write_run

SIZE, MEAN = "original.morphology.volume_mesh", "original.intensity.mean"
CARRIED = "mask_propagated:rigid@1.0.0:0a"


def changed(run, where, **cells):
    """Change cells of the rows whose case a function of site, subject and visit names."""
    frame = read_table(MEASUREMENTS, run).astype(object)
    frame = frame.where(frame.notna(), "")
    chosen = [where(*case.split("/")[:3]) for case in frame["case_id"]]
    for name, cell in cells.items():
        frame.loc[chosen, name] = cell
    write_table(MEASUREMENTS, frame.to_dict("records"), run)
    return run


def without_usable(run):
    """Write the measurements as versions did that had no such column."""
    path = run / MEASUREMENTS.file_name
    lines = [line.rpartition(",")[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    return run


# What is left out.


def four_visits(folder, **cells):
    values = [("A", f"S{n}", "T1", "GTV", SIZE, "2.0") for n in range(4)]
    return changed(write_run(folder, values), lambda _, subject, __: subject == "S1", **cells)


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({"usable": "no"}, "not_usable"),
        ({"usable": "caution"}, ""),
        ({"status": "failed", "value": ""}, "no_value"),
        ({"status": "skipped"}, "no_value"),
        ({"flags": CARRIED, "usable": "caution"}, "carried_size"),
        ({"flags": "acq_fail:CT-001"}, "not_usable"),
        ({"flags": "roi_small"}, ""),
    ],
)
def test_each_row_says_why_it_is_left_out(tmp_path, cells, word):
    frame = read_measurements(four_visits(tmp_path, **cells))
    assert frame[LEFT_OUT].tolist() == ["", word, "", ""]


def test_tables_of_before_the_column_are_weighed(tmp_path):
    run = without_usable(four_visits(tmp_path, flags="implausible"))
    frame = read_measurements(run)
    assert frame["usable"].tolist() == ["yes", "no", "yes", "yes"]
    assert read_observations([run]).taken.frame["subject_id"].tolist() == ["S0", "S2", "S3"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [({"usable": "perhaps"}, "perhaps"), ({"flags": "no_such_flag"}, "no_such_flag")],
)
def test_a_word_that_there_is_not_is_refused(tmp_path, cells, words):
    with pytest.raises(TableError, match=words) as caught:
        read_measurements(four_visits(tmp_path, **cells))
    assert caught.value.code == "TABLE-VALUE"
    assert "line 3" in caught.value.where


def test_what_is_left_out_is_said_in_one_sentence(tmp_path):
    run = four_visits(tmp_path / "a", usable="no")
    assert left_out_words(read_measurements(run)[LEFT_OUT]) == (
        "left out: 1 of 4 values (1 not usable)"
    )
    run = four_visits(tmp_path / "b", usable="caution")
    assert left_out_words(read_measurements(run)[LEFT_OUT]) == ""


# Repeatability.

FIRST = (1.21, 0.98, 1.45, 1.10, 0.87, 1.33, 1.02, 1.18, 0.95, 1.40)
SECOND = (1.18, 1.02, 1.39, 1.16, 0.85, 1.30, 1.08, 1.15, 0.99, 1.36)
WSD = 0.030578
"""Of these ten pairs, with a confidence interval of 0.021365 to 0.053662."""


def retest(folder):
    """Return ten subjects measured twice, two with a value of T2 that is none to use."""
    values = [
        (site, f"S{n}", visit, "GTV", MEDIAN, str(value))
        for site, pairs in (("A", (FIRST, SECOND)), ("B", ((1.0, 1.0), (9.0, 9.0))))
        for visit, column in zip(("T1", "T2"), pairs, strict=True)
        for n, value in enumerate(column)
    ]
    run = write_run(folder, values)
    changed(run, lambda site, _, visit: site == "B" and visit == "T2", flags="implausible")
    return changed(
        run,
        lambda site, subject, visit: (site, subject, visit) == ("B", "S1", "T1"),
        status="undefined",
        value="",
    )


def test_repeats_that_are_not_usable_are_no_noise(tmp_path):
    run = retest(tmp_path)
    observations = read_observations([run])
    found = study_repeats(observations.frame, "timepoint")
    whole = next(one for one in found if one.is_overall)
    wsd = whole.statistics["wSD"].estimate
    assert (wsd.value, wsd.low, wsd.high) == pytest.approx((WSD, 0.021365, 0.053662), abs=1e-6)
    row = next(whole.rows())
    counts = ("n_subjects", "n_left_out", "n_no_value", "n_not_usable")
    assert tuple(row[name] for name in counts) == (10, 2, 1, 2)
    assert whole.values_left_out.words == "Left out: 1 without a value, 2 not usable."
    assert observations.left_out == ("left out: 3 of 24 values (1 without a value, 2 not usable)")


def test_conditions_are_those_of_what_was_taken(tmp_path):
    run = changed(retest(tmp_path), lambda site, *_: site == "B", usable="no")
    observations = read_observations([run])
    found = study_repeats(observations.frame, "timepoint")
    content = repeatability_file(found, observations, {})
    assert content["conditions"]["sites"] == ["A"]
    assert content["conditions"]["scanners"] == ["Maker|Model of A|1"]
    (entry,) = content["features"]
    assert (entry["n_left_out"], entry["n_no_value"], entry["n_not_usable"]) == (2, 1, 3)


# Changes.


def test_a_volume_that_is_not_usable_has_no_doubling_time(tmp_path):
    path = tmp_path / "t.csv"
    head = "subject_id,timepoint,value,feature_id,unit,date,usable"
    rows = [f"S1,T1,100,{SIZE},mm3,20240101,yes", f"S1,T2,400,{SIZE},mm3,20240401,WORD"]
    for word, has_time in (("caution", True), ("no", False)):
        path.write_text("\n".join([head, *rows]).replace("WORD", word) + "\n")
        (one,) = changes(read_observations([path]), ChangeRules())
        assert (one.row.get("doubling_time_days") is not None) == has_time
    assert (one.verdict, one.row["reason"]) == ("undefined", "a visit is not usable")


# Readers.

JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Shrout and Fleiss 1979, table 2."""


def readings(folder, **cells):
    judges = [*JUDGES, [90, 1, 1, 1]]
    runs = [
        write_run(
            folder / str(reader),
            [("A", f"S{n}", "T1", "GTV", SIZE, str(row[reader])) for n, row in enumerate(judges)],
        )
        for reader in range(4)
    ]
    changed(runs[0], lambda _, subject, __: subject == "S6", **cells)
    return read_readings(runs)


@pytest.mark.parametrize("cells", [{"usable": "no"}, {"flags": "roi_gaps"}, {"flags": CARRIED}])
def test_readers_agree_as_published_whatever_is_not_usable(tmp_path, cells):
    found = readings(tmp_path, **cells)
    (row,) = reader_features(found, 4)
    assert row["icc_a_1"] == pytest.approx(0.289764, rel=1e-5)
    counts = ("n_targets", "n_left_out", "n_no_value", "n_not_usable")
    assert tuple(row[name] for name in counts) == (6, 1, 0, 1)
    assert found.left_out.startswith("left out: 1 of 28 values")


# ComBat.


def trial(folder, n=20):
    """Return two sites, and S99 of site B, whose values are far off."""
    drawn = np.random.default_rng(7).normal(10, 1, (n, 2)).tolist()
    values = [
        ("AB"[i % 2], f"S{i:02d}", "T1", "GTV", feature, repr(value + 3 * (i % 2)))
        for i, row in enumerate(drawn)
        for feature, value in zip((SIZE, MEAN), row, strict=True)
    ]
    far = [("B", "S99", "T1", "GTV", feature, "1e6") for feature in (SIZE, MEAN)]
    return write_run(folder, values + far)


def fitted(run):
    observations = read_observations([run])
    plan = CombatPlan("site_id", (), CombatRules("no-eb"))
    return fit_model(strata_of(of_usable(observations), None), plan, observations.analyses)


def is_far(_, subject, __):
    return subject == "S99"


@pytest.mark.parametrize(
    "cells", [{"usable": "no"}, {"flags": "implausible"}, {"status": "failed", "value": ""}]
)
def test_a_sample_that_is_not_usable_teaches_nothing(tmp_path, cells):
    run = trial(tmp_path / "run")
    without = read_table(MEASUREMENTS, run)
    (tmp_path / "without").mkdir()
    for table in run.iterdir():
        (tmp_path / "without" / table.name).write_bytes(table.read_bytes())
    kept = without[~without["case_id"].str.contains("S99")]
    write_table(MEASUREMENTS, kept.to_dict("records"), tmp_path / "without")
    (expected,) = fitted(tmp_path / "without")["strata"]
    (found,) = fitted(changed(run, is_far, **cells))["strata"]
    assert (expected.pop("n_samples_left_out"), found.pop("n_samples_left_out")) == (0, 1)
    assert found == expected
    (stratum,) = strata_of(of_usable(read_observations([run])), None)
    (said,) = left_out_notes(stratum)
    assert "left out 1 sample without any usable value: B/S99/T1" in said


def test_a_sample_of_which_a_part_is_not_usable_is_refused(tmp_path):
    run = trial(tmp_path)
    frame = read_table(MEASUREMENTS, run)
    frame.loc[(frame["feature_id"] == SIZE) & frame["case_id"].str.contains("S99"), "flags"] = (
        CARRIED
    )
    write_table(MEASUREMENTS, frame.to_dict("records"), run)
    with pytest.raises(AgreementError, match="1 of 21 samples lack a usable value"):
        fitted(run)


def test_a_region_without_any_usable_value_is_refused_by_name(tmp_path):
    run = changed(trial(tmp_path), lambda *_: True, usable="no")
    with pytest.raises(AgreementError, match="none of 21 samples") as caught:
        fitted(run)
    assert (caught.value.code, "GTV" in caught.value.where) == ("COMBAT-INCOMPLETE", True)


@pytest.mark.parametrize("cells", [{"usable": "no"}, {"flags": CARRIED, "usable": "caution"}])
def test_harmonised_rows_are_marked_where_the_measured_ones_are_not_usable(tmp_path, cells):
    run = trial(tmp_path)
    model = fitted(changed(run, is_far, usable="no"))
    observations = read_observations([changed(run, is_far, **cells)])
    (found,) = apply_model(model, strata_of(observations, None), observations.analyses)
    rows = [row for row in harmonised_rows([found], model) if row["subject_id"] == "S99"]
    words = {row["feature_id"]: row["usable"] for row in rows}
    assert words == {SIZE: "no", MEAN: cells["usable"]}
    n = list(words.values()).count("no")
    assert any(
        f"{n} value{'s' * (n > 1)} not usable: harm" in x for x in left_out_notes(found.stratum)
    )
    again = read_observations([write_table(HARMONISED, rows, tmp_path)])
    assert len(again.taken.frame) == 2 - n


def test_the_effect_of_a_batch_is_told_of_what_is_usable(tmp_path):
    run = changed(trial(tmp_path), is_far, usable="no")
    model = fitted(run)
    observations = of_usable(read_observations([run]))
    (found,) = apply_model(model, strata_of(observations, None), observations.analyses)
    assert len(found.samples.batch) == 20
    assert {row["term"] for row in report_rows([found])} == {"batch"}


# Reference ranges.


def controls(folder, n=50):
    drawn = np.random.default_rng(5).normal(10, 1, n).tolist()
    run = write_run(
        folder, [("A", f"S{i}", "T1", "L", MEDIAN, repr(v)) for i, v in enumerate(drawn)]
    )
    table = folder / "subjects.csv"
    lines = [f"S{i},{95 if i == 0 else 30 + i % 40}" for i in range(n)]
    table.write_text("\n".join(["subject_id,age", *lines]) + "\n")
    return run, table


def test_a_reference_reaches_as_far_as_its_usable_subjects(tmp_path):
    run, table = controls(tmp_path)
    changed(run, lambda _, subject, __: subject == "S0", usable="no")
    observations = read_observations([run])
    found = fit_ranges(observations, table, ["age"], ("a", "1.0.0"))
    (one,) = found.ranges
    assert (one.n_left_out, one.model.n) == (1, 49)
    assert found.content["covariates"][0]["range"] == [30.0, 69.0]
    reference = load_reference(write_json(found.content, tmp_path / "r.json"))
    rows = referenced_rows(observations, reference, table)
    (odd,) = [row for row in rows if row["verdict"] == "not_applicable"]
    assert (odd["subject_id"], "age" in odd["reason"]) == ("S0", True)


def test_a_cohort_without_a_usable_value_has_no_range(tmp_path):
    run, table = controls(tmp_path)
    changed(run, lambda *_: True, usable="no")
    with pytest.raises(BiomarkerError) as caught:
        fit_ranges(read_observations([run]), table, ["age"], ("a", "1.0.0"))
    assert caught.value.code == "REFERENCE-FEW"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"usable": "no"}, "the value is not usable"),
        ({"status": "failed", "value": ""}, "there is no value"),
    ],
)
def test_a_value_that_is_not_usable_is_held_against_no_reference(tmp_path, cells, reason):
    run, _ = controls(tmp_path)
    found = fit_ranges(read_observations([run]), None, [], ("a", "1.0.0"))
    reference = load_reference(write_json(found.content, tmp_path / "r.json"))
    changed(run, lambda _, subject, __: subject == "S3", **cells)
    rows = referenced_rows(read_observations([run]), reference, None)
    (row,) = [row for row in rows if row["subject_id"] == "S3"]
    assert (row["verdict"], row["reason"]) == ("not_applicable", reason)


# Sample size, comparisons.


def test_a_subject_whose_size_was_carried_is_lost(tmp_path):
    values = [
        ("A", f"S{n}", visit, "GTV", f, "2.0")
        for n in range(5)
        for visit in ("T1", "T2")
        for f in (SIZE, MEAN)
    ]
    run = write_run(tmp_path, values)
    changed(run, lambda _, subject, visit: (subject, visit) == ("S1", "T2"), flags=CARRIED)
    assert loss_of(run, {SIZE}) == Loss(1, 5)
    assert loss_of(run, {MEAN}) == Loss(0, 5)
    changed(run, lambda _, subject, __: subject == "S3", flags="implausible")
    assert loss_of(without_usable(run), {MEAN}) == Loss(1, 5)


def test_a_comparison_says_that_flags_were_weighed_otherwise(tmp_path):
    run = write_run(tmp_path, [("A", "S1", "T1", "GTV", MEDIAN, "1.0")])
    rows = read_table(CASES, run)
    common = {"protocols": [], "software": {}, "platform": {}}
    sides = [
        MeasuredTable(name, None, {**common, "usable_policy": policy}, cases=rows)
        for name, policy in (
            ("a", {"file": "", "sha256": ""}),
            ("b", {"file": "own.yaml", "sha256": "b" * 64}),
        )
    ]
    (found,) = divergences(*sides)
    assert (found.kind, found.a, found.b) == (
        "usable_policy",
        "the product",
        f"own.yaml (sha256 {'b' * 12})",
    )
    assert divergences(sides[0], sides[0]) == []
    json.dumps(found.__dict__)

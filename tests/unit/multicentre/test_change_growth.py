"""Changes between visits: days, conditions, published limits, growth, and noise alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.change import (
    ChangeRules,
    changes,
    expected_false,
    load_repeatability,
)
from biomarker_cli.multicentre.changes_table import CHANGES
from biomarker_cli.multicentre.growth import growth
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.noise_limits import LOG, NoiseLimits, log_limits
from biomarker_cli.multicentre.observations import read_observations
from biomarker_cli.multicentre.published import load_published, shipped_file
from biomarker_cli.multicentre.repeatability_table import repeatability_file, study_repeats
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import FACTS, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import table_lines, write_json, write_table
from tests.synthetic_tables import MEDIAN, write_run

VOLUME = "original.morphology.volume"


def table(path, rows, columns="subject_id,timepoint,value,feature_id,unit,date"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return read_observations([path])


def judged(observations, **rules):
    return [one.row for one in changes(observations, ChangeRules(**rules))]


def repeatability_of(folder, pairs, feature=VOLUME, unit="mm3"):
    """Return the repeatability file of pairs of values."""
    folder.mkdir()
    rows = [
        f"R{n},T{t},{v!r},{feature},{unit}" for n, p in enumerate(pairs) for t, v in enumerate(p)
    ]
    observations = table(folder / "t.csv", rows, "subject_id,timepoint,value,feature_id,unit")
    found = study_repeats(observations.frame, "timepoint")
    said = {"repeat": "timepoint", "interval": "1 day", "roi_method": "x"}
    path = write_json(repeatability_file(found, observations, said), folder / "rc.json")
    return load_repeatability(path)


# Growth.


def test_the_doubling_time_is_t_ln2_over_the_log_of_the_ratio():
    limits = log_limits(10, "")
    found = growth(100.0, 200.0, 90.0, limits)
    assert found.doubling_days.value == pytest.approx(90.0)
    assert found.doublings_per_year.value == pytest.approx(365.25 / 90)
    found = growth(100.0, 150.0, 90.0, None)
    assert found.doubling_days == Estimate(pytest.approx(90 * math.log(2) / math.log(1.5)))
    assert growth(100.0, 50.0, 30.0, None).doubling_days.value == pytest.approx(-30.0)


def test_growth_is_defined_where_nothing_changed():
    found = growth(100.0, 100.0, 90.0, log_limits(10, ""))
    assert found.doubling_days is None
    assert found.doublings_per_year.value == 0.0
    assert found.doublings_per_year.low < 0 < found.doublings_per_year.high


S = math.log(1.2)
NOISE = NoiseLimits(LOG, Estimate(100 * (1 / 1.2 - 1)), Estimate(100 * 0.2), "")
"""Noise moves the logarithm of a ratio by ln 1.2 up or down."""


@pytest.mark.parametrize(
    ("ratio", "low", "high"),
    [
        (2.0, 10 * math.log(2) / (math.log(2) + S), 10 * math.log(2) / (math.log(2) - S)),
        (1.1, 10 * math.log(2) / (math.log(1.1) + S), None),
        (0.9, None, 10 * math.log(2) / (math.log(0.9) - S)),
        (0.5, 10 * math.log(2) / (S - math.log(2)), -10 * math.log(2) / (S + math.log(2))),
    ],
)
def test_the_interval_of_a_doubling_time_is_what_noise_leaves(ratio, low, high):
    found = growth(100.0, 100.0 * ratio, 10.0, NOISE)
    assert found.doubling_days.low == (None if low is None else pytest.approx(low))
    assert found.doubling_days.high == (None if high is None else pytest.approx(high))
    rate = found.doublings_per_year
    assert rate.low == pytest.approx((math.log(ratio) - S) / math.log(2) * 36.525)
    assert rate.high == pytest.approx((math.log(ratio) + S) / math.log(2) * 36.525)


@pytest.mark.parametrize(
    "bad", [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, -3.0)]
)
def test_growth_needs_volumes_and_a_time(bad):
    with pytest.raises(ValueError, match="above 0"):
        growth(*bad, None)


# Rows.


def test_a_volume_grows_or_stays_within_noise(tmp_path):
    known = repeatability_of(tmp_path / "rc", [(100.0, 105.0), (200.0, 190.0), (50.0, 51.0)])
    rows = [
        f"S1,T1,100,{VOLUME},mm3,2026-01-01",
        f"S1,T2,101,{VOLUME},mm3,2026-02-10",
        f"S1,T3,400,{VOLUME},mm3,20260211",
        f"S2,T1,100,{VOLUME},mm3,2026-01-01",
        f"S2,T2,20,{VOLUME},mm3,2026-01-31",
        f"S3,T1,100,{VOLUME},mm3,",
        f"S3,T2,300,{VOLUME},mm3,2026-01-31",
        f"S4,T1,100,{VOLUME},mm3,2026-01-31",
        f"S4,T2,0,{VOLUME},mm3,2026-01-01",
        f"S5,T1,100,{VOLUME},mm3,2026-01-31",
        f"S5,T2,300,{VOLUME},mm3,2026-01-01",
    ]
    found = judged(table(tmp_path / "t.csv", rows), known=known)
    told = [(r["subject_id"], r["days"], r["exceeds_rc95"], r["growth"]) for r in found]
    assert told == [
        ("S1", 40, "no", "within"),
        ("S1", 41, "yes", "exceeds_rc95"),
        ("S2", 30, "yes", "within"),
        ("S3", None, "yes", "exceeds_rc95"),
        ("S4", -30, "undefined", "undefined"),
        ("S5", -30, "undefined", "undefined"),
    ]
    assert found[1]["doubling_time_days"] == pytest.approx(20.5)
    assert found[2]["doubling_time_days"] < 0
    assert found[1]["doubling_time_ci95_low"] < 20.5 < found[1]["doubling_time_ci95_high"]
    for row in found[3:]:
        assert "doubling_time_days" not in row
    assert (
        found[1]["limit_high_ci95_low"] < found[1]["limit_high"] < found[1]["limit_high_ci95_high"]
    )
    assert (
        found[1]["limit_low_ci95_low"] < found[1]["limit_low"] < found[1]["limit_low_ci95_high"] < 0
    )
    assert found[1]["limit_source"] == f"sha256:{known.sha256}"
    assert table_lines(CHANGES, found)


def test_a_visit_is_later_by_its_number_or_its_date_and_never_by_the_alphabet(tmp_path):
    rows = [
        # Dates put names without a number in order.
        f"S1,post,300,{VOLUME},mm3,2026-06-01",
        f"S1,pre,100,{VOLUME},mm3,2026-01-01",
        # Without dates nothing does.
        f"S2,post,300,{VOLUME},mm3,",
        f"S2,pre,100,{VOLUME},mm3,",
        # A number that a date contradicts.
        f"S3,T1,100,{VOLUME},mm3,2026-06-01",
        f"S3,T2,300,{VOLUME},mm3,2026-01-01",
        # A capital stands before every small letter.
        f"S4,baseline,100,{VOLUME},mm3,",
        f"S4,FU1,300,{VOLUME},mm3,",
        f"S5,week2,100,{VOLUME},mm3,",
        f"S5,week12,300,{VOLUME},mm3,",
    ]
    found = {r["subject_id"]: r for r in judged(table(tmp_path / "t.csv", rows))}
    for subject, first, later in (
        ("S1", "pre", "post"),
        ("S4", "baseline", "FU1"),
        ("S5", "week2", "week12"),
    ):
        row = found[subject]
        assert (row["baseline"], row["timepoint"]) == (first, later)
        assert row["change_percent"] == pytest.approx(200.0)
    assert "neither dates nor names" in found["S2"]["reason"]
    assert "T2 has an earlier date than T1" in found["S3"]["reason"]
    for subject in ("S2", "S3"):
        assert "change" not in found[subject]
        assert found[subject]["exceeds_rc95"] == "undefined"


def test_the_limits_of_an_absolute_coefficient_are_mirrored(tmp_path):
    pairs = [(-3.0, -2.0), (1.0, 1.5), (4.0, 4.1)]
    known = repeatability_of(tmp_path / "rc", pairs, "original.glcm.correlation", "1")
    rows = [f"S1,T{n},{v},original.glcm.correlation,1," for n, v in ((1, 0), (2, 1))]
    (row,) = judged(table(tmp_path / "t.csv", rows), known=known)
    assert row["rule"] == "absolute"
    assert row["limit_low"] == -row["limit_high"]
    assert row["limit_low_ci95_low"] == -row["limit_high_ci95_high"]
    assert row["limit_low_ci95_high"] == -row["limit_high_ci95_low"]
    assert row["growth"] == ""


def test_visits_are_held_against_the_first_or_the_previous(tmp_path):
    rows = [f"S1,T{n},{v},{VOLUME},mm3," for n, v in ((1, 10), (2, 20), (10, 40))]
    observations = table(tmp_path / "t.csv", rows)
    pairs = [(r["baseline"], r["timepoint"], r["change"]) for r in judged(observations)]
    assert pairs == [("T1", "T2", 10.0), ("T1", "T10", 30.0)]
    pairs = [
        (r["baseline"], r["timepoint"], r["change"])
        for r in judged(observations, against="previous")
    ]
    assert pairs == [("T1", "T2", 10.0), ("T2", "T10", 20.0)]


def test_nothing_is_judged_without_a_coefficient(tmp_path):
    rows = [f"S1,T{n},{v},{VOLUME},mm3," for n, v in ((1, 10), (2, 20))]
    (row,) = judged(table(tmp_path / "t.csv", rows))
    assert (row["exceeds_rc95"], row["change_percent"], row["flags"]) == ("undefined", 100.0, "")
    assert "no repeatability" in row["reason"]


def test_a_value_that_may_not_be_pooled_is_not_judged(tmp_path):
    known = repeatability_of(tmp_path / "rc", [(100.0, 105.0), (200.0, 190.0)])
    columns = "subject_id,timepoint,value,feature_id,unit,usable"
    rows = [f"S1,T1,100,{VOLUME},mm3,yes", f"S1,T2,400,{VOLUME},mm3,no"]
    (row,) = judged(table(tmp_path / "t.csv", rows, columns), known=known)
    assert (row["exceeds_rc95"], row["growth"]) == ("undefined", "undefined")
    assert row["reason"] == "a visit is not usable"


def test_the_size_of_a_carried_mask_tells_no_change(tmp_path):
    """What was measured in its voxels does."""
    size, mean = "original.morphology.volume_mesh", "original.intensity.mean"
    visits = [(subject, visit) for subject in ("S1", "S2") for visit in ("T1", "T2")]
    places = [("A", *visit, "GTV", name) for visit in visits for name in (size, mean)]
    run = write_run(tmp_path / "run", [(*place, "2.0") for place in places])
    frame = read_table(MEASUREMENTS, run)
    frame.loc[frame["case_id"].str.contains("T2"), "flags"] = "mask_propagated:rigid@1.0.0:0a"
    write_table(MEASUREMENTS, frame.to_dict("records"), run)
    found = {row["feature_id"]: row for row in judged(read_observations([run]))}
    assert "carried from another visit" in found[size]["reason"]
    assert found[size]["exceeds_rc95"] == "undefined"
    assert "no repeatability" in found[mean]["reason"]
    frame = read_observations([run]).frame
    repeats = {one.key[-1]: one for one in study_repeats(frame, "timepoint")}
    assert (repeats[size].repeats, repeats[size].n_left_out) == (None, 2)
    assert repeats[mean].n_left_out == 0


# Conditions.


def facts(case_id, **values):
    return [
        {"case_id": case_id, "series_uid": "1.2", "fact": f, "value": v} for f, v in values.items()
    ]


def test_a_run_tells_days_and_what_was_not_alike(tmp_path):
    run = write_run(
        tmp_path / "run",
        [(site, "S1", visit, "GTV", MEDIAN, "1.0") for site in "ABC" for visit in ("T1", "T2")],
    )
    one, two, three, four, five, six = (f"{s}/S1/{t}/dwi" for s in "ABC" for t in ("T1", "T2"))
    write_table(
        FACTS,
        facts(
            one,
            study_date="20240311",
            kernel="SOFT",
            slice_thickness_mm="2.5",
            tube_voltage_kv="120",
        )
        + facts(
            two, study_date="20240603", kernel="SHARP", slice_thickness_mm="2.5", weight_kg="70"
        )
        + facts(three, study_date="20240311")
        + facts(four, study_date="20240399", kernel="SOFT")
        + [one | {"series_uid": "1.3"} for one in facts(five, study_date="20240312")]
        + facts(five, study_date="20240311")
        + facts(six, study_date="20240313"),
        run,
    )
    write_table(
        ROIS,
        [
            {"case_id": case, "roi_id": "GTV", "source_kind": kind}
            for case, kind in ((one, "rtstruct"), (two, "seg"), (three, "seg"), (four, "seg"))
        ],
        run,
    )
    first, second, third = judged(read_observations([run]))
    assert (first["days"], first["differs"]) == (84, "kernel;mask_method")
    assert (second["days"], second["differs"]) == (None, "")
    # Of two dates of one visit nobody can say which one it is.
    assert third["days"] is None


def test_another_scanner_and_another_analysis_differ(tmp_path):
    columns = "subject_id,timepoint,value,feature_id,unit,scanner"
    rows = [
        f"S1,T1,1,{MEDIAN},mm2/s,X|1",
        f"S1,T2,1,{MEDIAN},mm2/s,X|2",
        f"S2,T1,1,{MEDIAN},mm2/s,X",
        f"S2,T2,1,{MEDIAN},mm2/s,",
    ]
    found = judged(table(tmp_path / "t.csv", rows, columns))
    assert [row["differs"] for row in found] == ["scanner", ""]


# Published limits.


def test_published_limits_speak_where_the_file_does_not(tmp_path):
    published = load_published(["adc-liver", "fdg-suvmax"])
    rows = [
        f"S1,T{n},{v},adc.intensity.median,mm2/s,"
        for n, v in ((1, 1.0), (2, 1.28), (3, 0.72), (4, 1.26))
    ]
    rows += [
        f"S2,T{n},{v},suvbw.uptake.max,g/ml{{SUVbw}},"
        for n, v in ((1, 10), (2, 13.2), (3, 7.4), (4, 13.4))
    ]
    found = judged(table(tmp_path / "t.csv", rows), published=published)
    assert [r["exceeds_rc95"] for r in found] == ["yes", "yes", "no", "no", "yes", "yes"]
    assert {r["flags"] for r in found} == {"rc_other_conditions:published"}
    assert found[0]["rule"] == "percent"
    assert (found[3]["limit_low"], found[3]["limit_high"]) == (-25, 33)
    assert found[0]["limit_source"] == f"{published.ident}:adc-liver"
    rows = [f"S1,T{n},{v},adc.intensity.median,um2/s," for n, v in ((1, 1), (2, 9))]
    (row,) = judged(table(tmp_path / "u.csv", rows), published=published)
    assert row["exceeds_rc95"] == "undefined"


def test_a_coefficient_of_the_trial_goes_before_a_published_one(tmp_path):
    feature = "adc.intensity.median"
    known = repeatability_of(tmp_path / "rc", [(1.0, 1.01), (2.0, 2.01)], feature, "mm2/s")
    rows = [f"S1,T{n},{v},{feature},mm2/s," for n, v in ((1, 1.0), (2, 1.2))]
    (row,) = judged(
        table(tmp_path / "t.csv", rows), known=known, published=load_published(["adc-liver"])
    )
    assert (row["rule"], row["exceeds_rc95"]) == ("log", "yes")


def test_every_shipped_entry_names_source_and_conditions():
    import yaml

    names = yaml.safe_load(shipped_file().read_text())["entries"]
    assert {"adc-brain", "adc-liver", "adc-prostate", "adc-breast"} <= set(names)
    limits = {}
    for name in names:
        (entry,) = load_published([name]).entries.values()
        assert entry.conditions
        assert entry.source.doc
        found = entry.limits(name)
        limits[name] = (round(found.low.value, 1), round(found.high.value, 1))
    assert limits["adc-brain"] == (-8, 8)
    assert limits["adc-breast"] == (-15, 15)
    assert limits["fdg-suvmax-qiba"] == (-28.2, 39.3)


WCV = {5: (-12.9, 14.8), 8: (-19.8, 24.8), 10: (-24.1, 31.8), 12: (-28.2, 39.3), 15: (-33.8, 51.2)}


@pytest.mark.parametrize("wcv", WCV)
def test_a_wcv_gives_asymmetric_limits(wcv):
    found = log_limits(wcv, "")
    assert (round(found.low.value, 1), round(found.high.value, 1)) == WCV[wcv]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["adc-lvier"], "Did you mean adc-liver"),
        (["x" * 10_000], "There are"),
        (["adc-liver", "adc-brain"], "the same features"),
    ],
)
def test_an_entry_that_is_not_there_is_named(names, words):
    with pytest.raises(BiomarkerError) as caught:
        load_published(names)
    assert caught.value.code == "PUBLISHED-UNKNOWN"
    assert words in str(caught.value)


HEAD = json.dumps(
    {
        "format": "biomarker-published-repeatability/1",
        "id": "own",
        "version": "1.0.0",
        "status": "draft",
        "title": "t",
        "source": [{"doc": "d", "confirmed": {"by": "recall"}}],
        "changelog": [{"version": "1.0.0", "date": "2026-01-01", "change": "c"}],
    }
)[:-1]


@pytest.mark.parametrize(
    "said",
    [
        '"percent": 0',
        '"percent": 8, "wcv_percent": 3',
        '"low_percent": -8',
        "",
        '"low_percent": -100, "high_percent": 3',
        '"percent": "much"',
    ],
)
def test_a_file_of_ones_own_that_cannot_be_used_is_refused(said, tmp_path):
    source = '"source": {"doc": "d", "confirmed": {"by": "recall"}}'
    entry = f'"features": ["a"], "conditions": "c", {source}'
    text = f'{HEAD}, "entries": {{"e": {{{entry}{", " if said else ""}{said}}}}}}}'
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(BiomarkerError) as caught:
        load_published(["e"], tmp_path / "own.yaml")
    assert caught.value.code == "PUBLISHED-INVALID"


# Noise alone.


def test_null_changes_exceed_in_one_of_twenty_and_in_the_tails_of_the_log_limits(tmp_path):
    drawn = np.random.default_rng(7)
    n, s = 4000, 0.12
    truth = drawn.lognormal(3, 0.5, size=(n, 1))
    values = truth * np.exp(drawn.normal(0, s, size=(n, 2)))
    known = repeatability_of(tmp_path / "rc", values[:1000].tolist())
    rows = [
        f"S{i},T{t},{v!r},{VOLUME},mm3,"
        for i, pair in enumerate(values[1000:].tolist())
        for t, v in enumerate(pair)
    ]
    found = changes(table(tmp_path / "t.csv", rows), ChangeRules(known=known))
    n_judged, n_beyond, n_false = expected_false(found)
    assert (n_judged, n_false) == (3000, 150.0)
    # Four standard errors of a proportion, and the rounding of 2.77.
    assert abs(n_beyond / n_judged - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 3000)
    falls = sum(one.row["change_percent"] < one.row["limit_low"] for one in found)
    rises = sum(one.row["change_percent"] > one.row["limit_high"] for one in found)
    assert falls + rises == n_beyond
    for tail in (falls, rises):
        assert abs(tail / n_judged - 0.025) < 4 * math.sqrt(0.025 * 0.975 / 3000)
    assert found[0].row["limit_low"] == pytest.approx(100 * math.expm1(-2.77 * s), abs=2)
    assert found[0].row["limit_high"] == pytest.approx(100 * math.expm1(2.77 * s), abs=3)


def test_a_date_that_was_moved_tells_no_distance_beside_one_of_the_calendar(tmp_path):
    run = write_run(
        tmp_path / "run",
        [(site, "S1", visit, "GTV", MEDIAN, "1.0") for site in "AB" for visit in ("T1", "T2")],
    )
    days = dict(
        zip((f"{s}/S1/{t}/dwi" for s in "AB" for t in ("T1", "T2")), (1, 5, 2, 9), strict=True)
    )

    def told(*moved):
        rows = [
            row for case, day in days.items() for row in facts(case, study_date=f"2024010{day}")
        ]
        rows += [row for case in moved for row in facts(case, dates_modified="MODIFIED")]
        write_table(FACTS, rows, run)
        return [row["days"] for row in judged(read_observations([run]))]

    assert told() == [4, 7]
    assert told(*days) == [4, 7]
    assert told("A/S1/T2/dwi") == [None, 7]


@pytest.mark.parametrize(
    ("moved", "days"), [((), [4]), (("T1",), [None]), (("T2",), [None]), (("T1", "T2"), [None])]
)
def test_a_date_that_was_moved_tells_no_distance_from_a_date_of_another_run(tmp_path, moved, days):
    runs = []
    for visit, day in (("T1", 1), ("T2", 5)):
        runs.append(write_run(tmp_path / visit, [("A", "S1", visit, "GTV", MEDIAN, "1.0")]))
        case = f"A/S1/{visit}/dwi"
        rows = facts(case, study_date=f"2024010{day}")
        rows += facts(case, dates_modified="MODIFIED") if visit in moved else []
        write_table(FACTS, rows, runs[-1])
    assert [row["days"] for row in judged(read_observations(runs))] == days

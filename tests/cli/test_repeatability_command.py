"""``biomarker repeatability`` and ``biomarker change``, as a user runs them."""

from __future__ import annotations

import csv
import json

from tests.synthetic_tables import MEDIAN, write_run

PAIRS = [("1.21", "1.18"), ("0.98", "1.02"), ("1.45", "1.39"), ("1.1", "1.16"), ("0.87", "0.85")]


def _values(pairs=PAIRS):
    return [
        ("A", f"S{i}", f"T{visit}", "GTV", MEDIAN, value)
        for i, pair in enumerate(pairs)
        for visit, value in enumerate(pair, start=1)
    ]


def test_from_a_run_to_a_change(biomarker, tmp_path):
    run, out = write_run(tmp_path / "run", _values()), tmp_path / "out"
    said = ("--interval", "1 day", "--roi-method", "freehand")
    done = biomarker("repeatability", run, *said, "-o", out, "--plots")
    assert done.returncode == 0, done.stderr
    assert "changes would exceed their RC all the same" in done.stdout
    with (out / "repeatability.csv").open() as stream:
        rows = {row["statistic"]: row for row in csv.DictReader(stream)}
    assert rows["wSD"]["interval"] == "chi_square"
    assert (out / "plots" / f"dwi-adc_1.0.0_dwi_GTV_{MEDIAN}.svg").is_file()
    content = json.loads((out / "repeatability.json").read_text())
    assert content["conditions"]["analyses"] == {"dwi-adc@1.0.0": "a" * 64}
    assert content["conditions"]["scanners"] == ["Maker|Model of A|1"]
    assert content["conditions"]["sites"] == ["A"]
    trial = write_run(tmp_path / "trial", _values([("1.0", "1.6"), ("1.0", "1.01")]))
    known = ("--repeatability", out / "repeatability.json")
    done = biomarker("change", trial, *known, *said, "-o", tmp_path / "changes.csv")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 changes exceed their RC; 0.1 would if nothing had changed" in done.stdout
    assert "real" not in done.stdout
    with (tmp_path / "changes.csv").open() as stream:
        assert [row["exceeds_rc95"] for row in csv.DictReader(stream)] == ["yes", "no"]
    rows = json.loads(biomarker("change", trial, *known, "--format", "json").stdout)
    assert rows[0]["flags"] == "rc_other_conditions:interval;rc_other_conditions:roi_method"


def test_the_same_bytes_twice_and_nothing_is_overwritten_unasked(biomarker, tmp_path):
    run = write_run(tmp_path / "run", _values())
    for name in ("one", "two"):
        assert biomarker("repeatability", run, "-o", tmp_path / name, "--plots").returncode == 0
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    done = biomarker("repeatability", run, "-o", tmp_path / "one")
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr
    assert biomarker("repeatability", run, "-o", tmp_path / "one", "--overwrite").returncode == 0


def test_bad_input_has_a_code_and_an_exit_code(biomarker, tmp_path):
    run = write_run(tmp_path / "run", _values(PAIRS[:1]))
    for arguments, code, exit_code in [
        ([run], "REPEATS-NOT-FOUND", 3),
        ([tmp_path / "none"], "TABLE-NOT-FOUND", 3),
        ([run, "--repeat", "reading"], "TABLE-COLUMNS", 3),
        ([run, write_run(tmp_path / "b", _values(), sha256="b" * 64)], "MIXED-ANALYSES", 2),
        ([run, run], "OBSERVATION-REPEATED", 2),
        ([run, "--plots"], "--plots goes with --output", 2),
    ]:
        done = biomarker("repeatability", *arguments)
        assert done.returncode == exit_code, done.stderr
        assert code in done.stderr


def test_the_json_holds_every_statistic(biomarker, tmp_path):
    run = write_run(tmp_path / "run", _values())
    rows = json.loads(biomarker("repeatability", run, "--format", "json").stdout)
    assert {"wSD", "RC", "wCV", "CCC", "ICC(2,1)"} <= {row["statistic"] for row in rows}
    assert all(row["status"] == "ok" for row in rows)


def test_published_limits_and_the_previous_visit(biomarker, tmp_path):
    values = [
        ("A", "S1", f"T{t}", "LIVER", MEDIAN, v) for t, v in ((1, "1.0"), (2, "1.3"), (3, "1.4"))
    ]
    run, out = write_run(tmp_path / "run", values), tmp_path / "change.csv"
    asked = ("--published", "adc-liver", "--against", "previous")
    done = biomarker("change", run, *asked, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 changes exceed their RC" in done.stdout
    with out.open() as stream:
        found = [(r["baseline"], r["exceeds_rc95"], r["rule"]) for r in csv.DictReader(stream)]
    assert found == [("T1", "yes", "percent"), ("T2", "no", "percent")]
    done = biomarker("change", run, "--published", "adc-spleen")
    assert done.returncode == 2
    assert "PUBLISHED-UNKNOWN" in done.stderr
    done = biomarker("change", run)
    assert done.returncode == 0, done.stderr
    assert "+30 %" in done.stdout
    assert "0 of 0 changes" in done.stdout
    assert "--repeatability FILE" in done.stderr


def test_what_is_left_out_is_said(biomarker, tmp_path):
    path = tmp_path / "pairs.csv"
    lines = [
        f"S{n},{MEDIAN},T{visit},{value},mm2/s,{'no' if (n, visit) == (4, 2) else 'yes'}"
        for n, pair in enumerate(PAIRS)
        for visit, value in enumerate(pair, start=1)
    ]
    path.write_text("\n".join(["subject_id,feature_id,timepoint,value,unit,usable", *lines]) + "\n")
    done = biomarker("repeatability", path, "-o", tmp_path / "out", "--format", "json")
    assert "left out: 1 of 10 values (1 not usable)" in done.stderr
    rows = [row for row in json.loads(done.stdout) if row["statistic"] == "wSD"]
    assert [(row["n_subjects"], row["n_not_usable"]) for row in rows] == [(4, 1)]
    done = biomarker("change", path)
    assert "undefined: 1 change: a visit is not usable" in done.stderr
    done = biomarker("plot", "bland-altman", path, "-o", tmp_path / "a.svg", "--format", "text")
    assert "Left out: 0 without a value, 1 not usable." in done.stdout


def test_changes_that_nothing_is_held_against_are_counted(biomarker, tmp_path):
    values = [("A", f"S{n}", f"T{t}", "LIVER", MEDIAN, "1.0") for n in range(30) for t in (1, 2)]
    done = biomarker("change", write_run(tmp_path / "run", values))
    assert done.stdout.count("T1-T2") == 20
    assert "and 10 more undefined: no repeatability of it was named" in done.stdout

"""``biomarker response`` as a user calls it."""

from __future__ import annotations

import csv
import json

import pytest
from synthetic_response import write_sized_run

from biomarker_cli.tables.package import package_is_true

HEADER = "subject_id,timepoint,day,target,non_target,new_lesion,extra,note"
GOOD = ("S1,BL,0,T1=50;T2=50,none,no,,", "S1,TP1,56,T1=30;T2=30,none,no,,")


@pytest.fixture
def table(tmp_path):
    def write(*rows, header=HEADER, name="readings.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


@pytest.fixture
def run_folder(tmp_path):
    dates = {("S1", "T1"): "20260101", ("S1", "T2"): "20260226"}
    sizes = {("S1", "T1", "A"): (30, 20), ("S1", "T2", "A"): (20, 12)}
    return write_sized_run(tmp_path / "init", sizes, dates)


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_table_becomes_tables_with_their_package(biomarker, table, tmp_path):
    out = tmp_path / "out"
    path = table(*GOOD)
    done = biomarker("response", "from-table", path, "--criterion", "recist-1.1", "-o", out)
    assert done.returncode == 0, done.stderr
    assert package_is_true(out)
    assert [row["overall"] for row in rows(out / "response.csv")] == ["", "PR"]
    (best,) = rows(out / "best.csv")
    assert (best["best"], best["best_confirmed"]) == ("PR", "SD")
    assert len(rows(out / "lesions_over_time.csv")) == 4
    assert {row["endpoint"] for row in rows(out / "endpoints.csv")} >= {"PFS", "ORR", "DoR", "TTR"}
    record = json.loads((out / "response.json").read_text())
    assert record["criteria"][0]["id"] == "recist-1.1@1.0.0"
    assert len(record["inputs"][0]["sha256"]) == 64

    again = biomarker("response", "from-table", path, "--criterion", "recist-1.1", "-o", out)
    assert again.returncode == 2
    assert "OUTPUT-EXISTS" in again.stderr
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    done = biomarker(
        "response", "from-table", path, "--criterion", "recist-1.1", "-o", out, "--overwrite"
    )
    assert done.returncode == 0
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before


def test_json_holds_every_row_and_draft_criteria_say_so(biomarker, table):
    done = biomarker(
        "response", "from-table", table(*GOOD), "--criterion", "recil-2017", "--format", "json"
    )
    told = json.loads(done.stdout)
    assert [row["overall"] for row in told["response"]] == [None, "PR"]
    assert "draft_protocol" in told["response"][1]["flags"]
    assert told["criteria"][0]["status"] == "draft"


def test_one_bad_subject_never_stops_the_others(biomarker, table, tmp_path):
    path = table(*GOOD, "S2,BL,0,T1=50,none,no,colour=red,")
    done = biomarker(
        "response", "from-table", path, "--criterion", "recist-1.1", "-o", tmp_path / "out"
    )
    assert done.returncode == 5
    assert "RESPONSE-BAD-INPUT" in done.stderr
    assert "row 4" in done.stderr
    assert "colour" in done.stderr
    failed = [row for row in rows(tmp_path / "out" / "response.csv") if row["error_code"]]
    assert [(row["subject_id"], row["error_code"]) for row in failed] == [
        ("S2", "RESPONSE-BAD-INPUT")
    ]


@pytest.mark.parametrize(
    ("lines", "arguments", "code", "word"),
    [
        (("S1,BL,0,T1=50,none,no,x=1,",), (), 6, "RESPONSE-BAD-INPUT"),
        ((), (), 2, "RESPONSE-BAD-INPUT"),
        ((",BL,0,50,none,no,,",), (), 2, "RESPONSE-BAD-INPUT"),
        (GOOD, ("--policy", "no=such"), 2, "RESPONSE-POLICY-UNSET"),
        (GOOD, ("--policy", "pr_persists=maybe"), 2, "RESPONSE-POLICY-UNSET"),
        (GOOD, ("--policy", "pr_persists"), 2, "NAME=CHOICE"),
        (GOOD, ("--repeatability", "nothing.json"), 2, "RESPONSE-REPEATABILITY"),
        (GOOD, ("--subjects", "nothing.csv"), 3, "TABLE-NOT-FOUND"),
        (GOOD, ("--criterion", "recist-2.0"), 2, "PROTOCOL-NOT-FOUND"),
        (GOOD, ("--criterion", "recist-ct"), 2, "acquisition protocol"),
    ],
)
def test_what_cannot_be_used_has_its_exit_code(biomarker, table, lines, arguments, code, word):
    path = table(*lines)
    done = biomarker("response", "from-table", path, "--criterion", "recist-1.1", *arguments)
    assert done.returncode == code
    assert word in done.stderr


def test_rows_of_another_criterion_are_left_out(biomarker, table):
    header = f"criterion,{HEADER}"
    path = table(*(f"RECIST1.1,{row}" for row in GOOD), header=header)
    done = biomarker("response", "from-table", path, "--criterion", "irecist")
    assert done.returncode == 3
    assert "NOTHING-FOUND" in done.stderr
    assert biomarker("response", "from-table", path, "--criterion", "recist-1.1").returncode == 0


def test_text_of_a_table_is_neither_obeyed_nor_computed(biomarker, table, tmp_path):
    path = table("=cmd()|x,BL,0,T1=50,none,no,\x1b[31mred,", "=cmd()|x,TP1,56,T1=30,none,no,,")
    out = tmp_path / "out"
    done = biomarker("response", "from-table", path, "--criterion", "recist-1.1", "-o", out)
    assert done.returncode == 6
    assert "\x1b" not in done.stdout + done.stderr
    text = (out / "response.csv").read_text()
    assert "\n=cmd" not in text
    assert ",'=cmd()|x," in text


def test_several_readers_and_uncertainty(biomarker, table, tmp_path):
    header = f"reader,{HEADER}"
    lines = [f"{reader},{row}" for reader in ("anna", "ben") for row in GOOD]
    lines[-1] = "ben,S1,TP1,56,T1=45;T2=45,none,no,,"
    out = tmp_path / "out"
    done = biomarker(
        *("response", "from-table", table(*lines, header=header), "--criterion", "recist-1.1"),
        *("--repeatability", "published", "--draws", "100", "--what-if", "targets", "-o", out),
    )
    assert done.returncode == 0, done.stderr
    assert package_is_true(out)
    assert rows(out / "adjudication.csv")[1]["cause"] == "size"
    assert rows(out / "reader_agreement.csv")
    assert rows(out / "what_if_targets.csv")
    told = [row for row in rows(out / "response.csv") if row["overall"]]
    assert all(row["p_category"] and row["distance_mm"] for row in told)


def test_a_ledger_is_proposed_signed_and_judged(biomarker, run_folder, tmp_path):
    ledger = tmp_path / "lesions.csv"
    done = biomarker("response", "init", run_folder, "-o", ledger)
    assert done.returncode == 0, done.stderr
    proposed = rows(ledger)
    unsigned = biomarker("response", run_folder, "--criterion", "recist-1.1", "--ledger", ledger)
    assert unsigned.returncode == 6
    assert "RESPONSE-ROLE-MISSING" in unsigned.stderr
    assert unsigned.stderr.count("next   No mask says it") == 1
    assert "best response" not in unsigned.stdout
    for row in proposed:
        if row["lesion_id"] == "NEW":
            row["state"] = "absent"
        else:
            row |= {"role": "target", "is_node": "no", "organ": "liver"}
        row["basis"] = ""
    with ledger.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(proposed[0]))
        writer.writeheader()
        writer.writerows(proposed)
    done = biomarker(
        *("response", run_folder, "--criterion", "recist-1.1", "--ledger", ledger),
        *("-o", tmp_path / "out"),
    )
    assert done.returncode == 0, done.stderr
    (visit,) = [row for row in rows(tmp_path / "out" / "response.csv") if row["overall"]]
    assert (visit["overall"], visit["day"], visit["value"]) == ("PR", "56", "20.0")
    (lesion, _) = rows(tmp_path / "out" / "lesions_over_time.csv")
    assert lesion["case_id"] == "A/S1/T1/ct"
    assert lesion["source"].startswith("lesions.csv, row")
    again = biomarker("response", "init", run_folder, "-o", ledger)
    assert (again.returncode, "OUTPUT-EXISTS" in again.stderr) == (2, True)


def test_a_name_of_a_command_is_the_command_and_a_path_is_a_folder(biomarker, run_folder, tmp_path):
    """The run lies in a folder that is called like the command ``init``."""
    arguments = ("--criterion", "recist-1.1", "--ledger", "none.csv")
    done = biomarker("response", "./init", *arguments, cwd=tmp_path)
    assert "TABLE-NOT-FOUND" in done.stderr
    assert "none.csv" in done.stderr
    done = biomarker("response", "init", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Missing argument" in done.stderr or "No such option" in done.stderr
    done = biomarker("response", *arguments, "./init", cwd=tmp_path)
    assert "none.csv" in done.stderr
    done = biomarker("response", "judge", "init", *arguments, cwd=tmp_path)
    assert "none.csv" in done.stderr


def test_help_shows_both_ways(biomarker):
    told = biomarker("response", "--help").stdout
    assert "response COMMAND [ARGS]..." in told
    assert "(is judge)" in told
    assert "from-table" in told
    assert biomarker("response").returncode == 2
    assert biomarker("response", "results").returncode == 2


def test_criteria_are_protocols_like_the_others(biomarker):
    listed = json.loads(
        biomarker("protocol", "list", "--kind", "response", "--format", "json").stdout
    )
    assert {row["id"] for row in listed} >= {"recist-1.1", "irecist", "percist-1.0", "who"}
    assert len(listed) == 15
    assert biomarker("protocol", "lint", "recist-1.1").returncode == 0
    shown = biomarker("protocol", "show", "recist-1.1").stdout
    assert "measured_sum >= 1.2 * nadir" in shown
    told = biomarker("protocol", "diff", "choi", "choi-modified").stdout
    assert "size_fell and density_fell" in told
    assert biomarker("protocol", "diff", "recist-1.1", "recist-ct").returncode == 2

"""``biomarker response init --match``: a draft, its figures, and that nobody judges it unsigned."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from kept_runs import KeptCase, ball, kept_run, recorded
from synthetic_registration import motion

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.registration.anatomy import transformed

GRID = Geometry((24, 30, 36), (3.0, 3.0, 3.0), (-54.0, -45.0, -36.0))
A, B, C = (-25.0, -15.0, -12.0), (12.0, 9.0, 6.0), (-10.0, 20.0, 10.0)


def _case(timepoint, balls, day, frame):
    masks = {name: ball(GRID, centre, 9) for name, centre in balls.items()}
    return KeptCase(f"A/S1/{timepoint}/ct", GRID, masks, frame=frame, day=day)


@pytest.fixture
def followed(tmp_path):
    """A run of two visits whose second image lies elsewhere, and the registration of both."""
    there = {name: transformed(motion(), _point(at))[0] for name, at in {"B": A, "x": B}.items()}
    base = _case("T1", {"A": A, "B": B}, "2026-01-01", "1.2.1")
    later = _case("T2", there | {"new": transformed(motion(), _point(C))[0]}, "2026-03-01", "1.2.2")
    run = kept_run(tmp_path / "run", [base, later])
    return run, recorded(tmp_path / "there", base, later, motion())


def _point(at):
    return np.asarray(at)[np.newaxis]


def _table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_draft_is_written_with_its_figures_and_is_never_judged(biomarker, followed, tmp_path):
    run, registration = followed
    ledger = tmp_path / "anna.csv"
    command = ("response", "init", run, "--match", "-o", ledger)
    done = biomarker(*command, "--registration", registration)
    assert done.returncode == 0, done.stderr
    assert "1 visit proposed: 2 match, 1 new" in done.stdout
    rows = {(r["timepoint"], r["roi_id"]): r for r in _table(ledger)}
    assert rows["T2", "B"]["lesion_id"] == "A"
    assert rows["T2", "x"]["lesion_id"] == "B"
    assert rows["T2", "B"]["date"] == "2026-03-01"
    assert {r["role"] for r in rows.values()} == {"", "new"}
    assert all(r["basis"].startswith("proposed: ") for r in rows.values())
    figures = {r["roi_id"]: r for r in _table(tmp_path / "matches.csv")}
    assert float(figures["B"]["dice"]) > 0.85
    assert figures["B"]["registration_id"] == "rigid@1.0.0:there"
    judged = biomarker("response", run, "--criterion", "recist-1.1", "--ledger", ledger)
    assert judged.returncode == 6
    assert "RESPONSE-ROLE-MISSING" in judged.stderr
    # Roles alone are no signature.
    filled = [r | {"role": r["role"] or "target", "is_node": "no"} for r in _table(ledger)]
    with ledger.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(filled[0]))
        writer.writeheader()
        writer.writerows(filled)
    judged = biomarker("response", run, "--criterion", "recist-1.1", "--ledger", ledger)
    assert judged.returncode == 6
    assert "RESPONSE-UNSIGNED" in judged.stderr
    again = biomarker(*command, "--registration", registration)
    assert (again.returncode, "OUTPUT-EXISTS" in again.stderr) == (2, True)


def test_a_visit_without_a_registration_is_said_and_exits_with_6(biomarker, followed, tmp_path):
    done = biomarker("response", "init", followed[0], "--match", "-o", tmp_path / "a.csv")
    assert done.returncode == 6
    assert "S1 T2: REGISTRATION-NOT-NAMED" in done.stderr
    assert [r["kind"] for r in _table(tmp_path / "matches.csv")] == ["no_proposal"]
    rows = [r for r in _table(tmp_path / "a.csv") if r["timepoint"] == "T2" and r["roi_id"]]
    assert {r["lesion_id"] for r in rows} == {"?B", "?new", "?x"}


def test_options_that_say_nothing_here_are_refused(biomarker, followed, tmp_path):
    run, registration = followed
    assert biomarker("response", "init", run, "--role", "ct").returncode == 2
    assert biomarker("response", "init", run, "--registration", registration).returncode == 2
    wrong = ("response", "init", run, "--match")
    assert biomarker(*wrong, "-o", tmp_path / "matches.csv").returncode == 2
    assert biomarker(*wrong, "--registration", tmp_path / "no.csv").returncode == 3
    assert biomarker(*wrong, "--registration", run / "cases.csv").returncode == 3
    named = biomarker(*wrong, "--registration", tmp_path / "there" / "transform.tfm")
    assert "REGISTRATION-FILE" in named.stderr
    assert not (run / "lesions.csv").exists()

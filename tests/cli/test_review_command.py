"""``biomarker review`` and ``readers --scores``, from a run to the agreement of its readers."""

from __future__ import annotations

import csv
import json

from tests.pool_runs import write_whole_run


def test_from_a_run_to_the_agreement_of_its_readers(biomarker, tmp_path):
    run = write_whole_run(tmp_path / "run", [f"A/S{n}/T1/ct" for n in range(10)])
    review, back, scores = tmp_path / "review", tmp_path / "back", tmp_path / "scores.csv"
    back.mkdir()
    asked = ("--readers", "2", "--seed", "7", "--repeat", "10%", "--item", "risk=lo,mid,hi")
    done = biomarker("review", "assign", run, *asked, "-o", review)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "worklist_reader1.csv: 11 readings\nworklist_reader2.csv: 11 readings\n"
    assert "OUTPUT-EXISTS" in biomarker("review", "assign", run, *asked, "-o", review).stderr
    for path in review.glob("worklist_*.csv"):
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        for row in rows:
            row["risk"] = "hi"
        rows[0]["risk"] = "lo"
        with (back / path.name).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    lists = sorted(back.iterdir())
    done = biomarker("review", "collect", review, *lists, "-o", scores)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "22 readings of 2 worklists\n"
    done = biomarker("readers", "--scores", scores, "--order", "lo,mid,hi", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "risk" in done.stdout
    assert (tmp_path / "out" / "reader_scores.csv").is_file()
    done = biomarker("readers", "--scores", scores, "--format", "json")
    kinds = [row["comparison"] for row in json.loads(done.stdout)]
    assert sorted(kinds) == ["occasions", "occasions", "readers", "readers"]
    done = biomarker("review", "collect", review, lists[0], "-o", tmp_path / "part.csv")
    assert done.returncode == 5
    assert "reader2 has not judged 11 cases" in done.stderr


def test_scores_and_segmentations_are_two_things(biomarker, tmp_path):
    for asked in ((), ("a.nii", "--scores", "s.csv"), ("a.nii", "b.nii", "--truth", "t.csv")):
        done = biomarker("readers", *asked)
        assert done.returncode == 2
        assert "--scores" in done.stderr
    assert biomarker("readers", "--scores", tmp_path / "none.csv").returncode == 3
    run = write_whole_run(tmp_path / "run", ["A/S1/T1/ct"])
    asked = ("--seed", "1", "-o", tmp_path / "review")
    done = biomarker("review", "assign", run, "--readers", "0", *asked)
    assert "REVIEW-PLAN" in done.stderr
    done = biomarker("review", "assign", run, "--readers", "2", "--repeat", "some", *asked)
    assert done.returncode == 2
    assert not (tmp_path / "review").exists()

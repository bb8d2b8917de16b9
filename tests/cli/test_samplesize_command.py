"""``biomarker samplesize`` as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.synthetic_tables import MEDIAN, write_run

PAIRS = [(1.21, 1.18), (0.98, 1.02), (1.45, 1.39), (1.1, 1.16), (0.87, 0.85)]


@pytest.fixture(scope="module")
def known(biomarker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("retest")
    rows = [
        ("A", f"S{n}", f"T{t}", "GTV", MEDIAN, str(value))
        for n, pair in enumerate(PAIRS)
        for t, value in enumerate(pair)
    ]
    run = write_run(folder / "run", rows)
    assert biomarker("repeatability", run, "-o", folder / "out").returncode == 0
    return folder / "out" / "repeatability.json"


def test_half_an_sd_needs_64_in_each_arm(biomarker):
    done = biomarker("samplesize", "--effect", "0.5")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "64 subjects in each arm\n"
    done = biomarker("samplesize", "--effect", "0.5", "--loss", "20", "--format", "json")
    (one,) = json.loads(done.stdout)["sizes"]
    assert one["size"] == {"effect": 0.5, "per_arm": 64, "with_sites": 64, "to_recruit": 80}


def test_a_retest_study(biomarker):
    done = biomarker("samplesize", "--retest", "25")
    assert done.stdout.startswith("35 subjects, measured 2 times each:")
    assert "24.8 %" in done.stdout


def test_the_noise_of_the_file_is_taken(biomarker, known, tmp_path):
    asked = ("--repeatability", known, "--feature", "adc.*", "--change", "20", "--between-sd", "25")
    done = biomarker("samplesize", *asked)
    assert done.returncode == 0, done.stderr
    assert MEDIAN in done.stdout
    assert "subjects to recruit in each arm, power 0.8, alpha 0.05" in done.stdout
    rows = [("A", f"S{n}", "T1", "GTV", MEDIAN, "1" if n else "") for n in range(4)]
    run = write_run(tmp_path / "run", rows)
    done = biomarker("samplesize", *asked, "--loss", "auto", "--run", run)
    assert "lost: 1 of 4 subjects, 25.0 % (95 % 0.6 to 80.6 %)" in done.stdout
    told = json.loads(
        biomarker("samplesize", *asked, "--loss", "auto", "--run", run, "--format", "json").stdout
    )
    assert (told["loss"]["lost"], told["design"]["loss"]) == (1, 0.25)
    (one,) = told["sizes"]
    assert one["without_noise"]["per_arm"] <= one["size"]["per_arm"] <= one["upper"]["per_arm"]


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ((), 2, "Say one of"),
        (("--effect", "0.5", "--wcv", "3"), 2, "Say one of"),
        (("--wcv", "3"), 2, "--change"),
        (("--wcv", "0", "--change", "20"), 2, "SAMPLE-SIZE-ASKED"),
        (("--wcv", "3", "--change", "20", "--loss", "many"), 2, "--loss is auto"),
        (("--wcv", "3", "--change", "20", "--loss", "auto"), 2, "--run"),
        (("--effect", "0.5", "--loss", "auto", "--run", "."), 2, "--feature"),
        (("--effect", "nan"), 2, "SAMPLE-SIZE-ASKED"),
        (("--effect", "0.5", "--sites", "3", "--icc", "0.5"), 2, "SAMPLE-SIZE-UNREACHABLE"),
        (("--repeatability", "nowhere.json", "--change", "20"), 3, "REPEATABILITY-NOT-FOUND"),
    ],
)
def test_what_cannot_be_answered_is_said(asked, code, words, biomarker):
    done = biomarker("samplesize", *asked)
    assert done.returncode == code
    assert words in done.stderr


def test_a_feature_that_the_file_has_not(biomarker, known):
    done = biomarker("samplesize", "--repeatability", known, "--change", "20", "--feature", "no.*")
    assert done.returncode == 3
    assert "NOTHING-FOUND" in done.stderr

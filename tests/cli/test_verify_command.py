"""``biomarker verify`` as a user calls it: report, certificate, and what runs say of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def verified(biomarker, tmp_path_factory):
    """Folder of one call with everything: certificate, JUnit, JSON, and the user's data."""
    folder = tmp_path_factory.mktemp("verified")
    done = biomarker(
        "verify",
        "--certificate",
        folder / "certificate.json",
        "--junit",
        folder / "verify.xml",
        "--format",
        "json",
        BIOMARKER_DATA_DIR=str(folder / "data"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "out.json").write_text(done.stdout)
    (folder / "err.txt").write_text(done.stderr)
    return folder


def test_every_suite_is_measured_or_told_as_skipped(verified):
    told = json.loads((verified / "out.json").read_text())
    assert told["verdict"] == "within"
    suites = {one["name"]: one for one in told["certificate"]["suites"]}
    assert list(suites) == ["ibsi-1", "ibsi-2", "suv", "adc", "regions", "engines", "tables"]
    assert all(one["n_checks"] or one["skipped"] for one in suites.values())
    assert all(one["n_out_of_tolerance"] == 0 for one in suites.values())
    for name in ("ibsi-1", "ibsi-2"):
        assert "need --data DIR" in suites[name]["skipped"][0]
    assert suites["tables"]["n_checks"] > 400


def test_the_certificate_describes_installation_and_findings(verified):
    found = json.loads((verified / "certificate.json").read_text())
    assert found == json.loads((verified / "out.json").read_text())["certificate"]
    assert set(found["installation"]) == {"software", "platform", "processor", "code_sha256"}
    assert found["is_whole"] is True
    assert found["id"] in (verified / "err.txt").read_text()
    # Neither the machine's name nor a path.
    assert str(verified) not in json.dumps(found)


def test_junit_shows_what_is_skipped(verified):
    root = ET.parse(verified / "verify.xml").getroot()
    suites = {suite.get("name"): suite for suite in root}
    assert suites["ibsi-2"].get("skipped") == "1"
    assert all(suite.get("failures") == "0" for suite in suites.values())


def test_the_certificate_holds_for_this_installation(biomarker, verified):
    done = biomarker("verify", "--check", verified / "certificate.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "it describes this installation"


def test_a_certificate_of_another_installation_does_not_hold(biomarker, verified, tmp_path):
    from biomarker_cli.multicentre.qualification.certificate import certificate_id
    from biomarker_cli.tables.sealed_files import sealed

    found = json.loads((verified / "certificate.json").read_text())
    found["installation"]["software"]["numpy"] = "1.0.0"
    found["id"] = certificate_id(found)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(sealed(found)))
    done = biomarker("verify", "--check", other, "--format", "json")
    assert done.returncode == 7
    told = json.loads(done.stdout)
    assert told["holds"] is False
    assert [one["what"] for one in told["changes"]] == ["software numpy"]
    text = biomarker("verify", "--check", other)
    assert text.returncode == 7
    assert "software numpy: certified 1.0.0, now" in text.stdout


def test_the_manifest_of_a_run_names_the_certificate(biomarker, verified, sample_dir, tmp_path):
    kept = {"BIOMARKER_DATA_DIR": str(verified / "data")}
    done = biomarker("run", sample_dir / "study.yaml", "-o", tmp_path / "out", **kept)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["certificate"] == json.loads((verified / "certificate.json").read_text())["id"]


def test_a_run_without_a_certificate_says_so(sample_run):
    assert json.loads((sample_run / "manifest.json").read_text())["certificate"] == ""


def test_some_suites_alone_are_certified_and_not_named_by_runs(biomarker, tmp_path):
    data = tmp_path / "data"
    done = biomarker(
        "verify", "adc", "--certificate", tmp_path / "c.json", BIOMARKER_DATA_DIR=str(data)
    )
    assert done.returncode == 0, done.stderr
    assert "not kept" in done.stderr
    assert not data.exists()
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.splitlines()[-1].startswith("verdict: within")


DEFECT = """\
import biomarker_cli.pet.normalisation as normalisation
masses = dict(normalisation._MASS_KG)
masses["sul_janma"] = masses["sul_james128"]
normalisation._MASS_KG = masses
"""


def test_a_defect_exits_with_7_is_explained_and_takes_the_certificate(
    biomarker, verified, tmp_path
):
    # Python runs it before everything else, in this process alone.
    (tmp_path / "sitecustomize.py").write_text(DEFECT)
    (tmp_path / "data").mkdir()
    kept = tmp_path / "data" / "certificate.json"
    kept.write_bytes((verified / "data" / "certificate.json").read_bytes())
    paths = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    done = biomarker("verify", "suv", PYTHONPATH=paths, BIOMARKER_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 7, done.stdout + done.stderr
    assert "certain: lean body mass by James, male term 128 in place of lean" in done.stdout
    assert "sul_janma, M" in done.stdout
    assert "verdict: out_of_tolerance (3 of 89 checks out of tolerance)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "withdrawn" in done.stderr
    assert not kept.exists()


def test_nothing_measured_is_no_pass(biomarker):
    done = biomarker("verify", "ibsi-2")
    assert done.returncode == 3
    assert "verdict: nothing_measured" in done.stdout
    assert "--data DIR" in done.stdout


def test_nothing_is_overwritten(biomarker, tmp_path):
    there = tmp_path / "c.json"
    there.write_text("mine")
    for option in ("--certificate", "--junit"):
        done = biomarker("verify", "adc", option, there)
        assert done.returncode == 2
        assert "OUTPUT-EXISTS" in done.stderr
    assert there.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["petct"], 2, "petct"),
        (["--engine", "other"], 2, "other"),
        (["--check", "absent.json"], 3, "PATH-NOT-FOUND"),
        (["suv", "--check", "absent.json"], 2, "goes alone"),
        (["ibsi-2", "--data", "absent"], 3, "VERIFY-DATA"),
        (["suv", "adc", "--data", "absent"], 2, "--data is of ibsi-1, ibsi-2"),
        (["ibsi-1", "--engine", "native"], 2, "--engine is of engines"),
    ],
)
def test_what_cannot_be_verified_is_told(biomarker, arguments, code, said, tmp_path):
    done = biomarker("verify", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr


def test_a_file_that_is_no_certificate_is_refused(biomarker, tmp_path):
    path = tmp_path / "c.json"
    path.write_text("{}")
    done = biomarker("verify", "--check", path)
    assert done.returncode == 2
    assert "CERTIFICATE-INVALID" in done.stderr

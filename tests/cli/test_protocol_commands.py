"""``biomarker protocol``: what each command prints, for people and for scripts, and refuses."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from jsonschema import Draft202012Validator

from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.protocol.yaml_source import read_yaml

SITE = """\
format: biomarker-acquisition/1
id: site-ct
version: 0.1.0
status: draft
title: Site
source: [{doc: none, confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-20, change: first}]
applies_to: {when: {Modality: CT}}
rules:
  - {id: SITE-1, title: Thick, fact: slice_thickness_mm, check: {max: 3}, unit: mm, fix: Thinner}
tests:
  - {facts: {Modality: CT, slice_thickness_mm: 2}, expect: {SITE-1: pass}}
"""


@pytest.fixture
def site(tmp_path):
    def write(old: str = "", new: str = "", name: str = "site.yaml"):
        path = tmp_path / name
        assert old in SITE
        path.write_text(SITE.replace(old, new) if old else SITE)
        return path

    return write


@pytest.fixture
def ct(sample_dir):
    return sample_dir / "centre_a" / "S0001" / "T1" / "ct"


@pytest.fixture
def no_dicom(tmp_path):
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image here")
    return folder


def _refused(done, exit_code, code, *told):
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert code in done.stderr
    for text in told:
        assert text in done.stderr
    assert done.stdout == ""


class TestList:
    def test_every_shipped_version_has_a_row(self, biomarker):
        rows = json.loads(biomarker("protocol", "list", "--all", "--format", "json").stdout)
        assert len(rows) == sum(len(list_protocols(kind)) for kind in ProtocolKind)
        assert {"kind", "id", "version", "status", "title", "sha256"} == set(rows[0])
        assert all(len(row["sha256"]) == 64 for row in rows)

    def test_of_each_the_newest_version_alone(self, biomarker):
        every = json.loads(biomarker("protocol", "list", "--all", "--format", "json").stdout)
        rows = json.loads(biomarker("protocol", "list", "--format", "json").stdout)
        told = [(row["kind"], row["id"]) for row in rows]
        assert len(told) == len(set(told))
        newest = {}
        for row in every:
            key = row["kind"], row["id"]
            number = tuple(map(int, row["version"].split(".")))
            newest[key] = max(newest.get(key, ()), number)
        assert {
            (row["kind"], row["id"]): tuple(map(int, row["version"].split("."))) for row in rows
        } == newest

    def test_one_kind_as_text(self, biomarker):
        done = biomarker("protocol", "list", "--kind", "acquisition")
        assert done.returncode == 0
        assert "recist-ct@1.0.0" in done.stdout
        assert "fdg-suv" not in done.stdout


class TestShow:
    def test_rules_sources_and_digest(self, biomarker):
        done = biomarker("protocol", "show", "recist-ct@1.0.0")
        assert done.returncode == 0
        for text in ("RECIST-CT-001", "<= 5", "source  RECIST 1.1", "sha256  "):
            assert text in done.stdout

    def test_json_is_the_merged_file_with_its_digest(self, biomarker):
        shown = json.loads(biomarker("protocol", "show", "fdg-suv", "--format", "json").stdout)
        assert shown["measure"] == "suv"
        assert len(shown["sha256"]) == 64

    @pytest.mark.parametrize(
        ("wanted", "told"),
        [
            ("rcist-ct", "Did you mean recist-ct"),
            ("recist", "Did you mean recist-ct"),
            ("recist-ct@9.0.0", "Shipped are: 0.1.0, 1.0.0"),
            ("recist-ct@new", "expected a version such as 1.0.0"),
            ("nowhere.yaml", "no such protocol file"),
        ],
    )
    def test_an_id_that_is_not_there_says_what_may_be_meant(self, biomarker, wanted, told):
        _refused(biomarker("protocol", "show", wanted), 2, "PROTOCOL-NOT-FOUND", told)


class TestLint:
    def test_clean(self, biomarker, site):
        done = biomarker("protocol", "lint", site())
        assert done.returncode == 0
        assert done.stdout == "site-ct@0.1.0: 0 errors, 0 warnings\n"

    def test_an_error_has_file_line_code_and_rule(self, biomarker, site):
        path = site("expect: {SITE-1: pass}", "expect: {SITE-1: fail}")
        done = biomarker("protocol", "lint", path)
        assert done.returncode == 2
        assert "site.yaml:12: error test-fails SITE-1" in done.stdout
        assert "1 error, 0 warnings" in done.stdout
        (row,) = json.loads(biomarker("protocol", "lint", path, "--format", "json").stdout)
        assert (row["code"], row["line"], row["severity"]) == ("test-fails", 12, "error")

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("unit: mm, ", "", "without a unit"),
            ("unit: mm", "unit: kV", "is no"),
            ("slice_thickness_mm, check", "thickness, check", "neither a fact of the library"),
        ],
    )
    def test_a_rule_that_cannot_be_is_an_error_with_its_line(self, biomarker, site, old, new, told):
        done = biomarker("protocol", "lint", site(old, new))
        assert done.returncode == 2
        assert told in done.stdout
        assert "site.yaml:10: error invalid rules.0" in done.stdout

    @pytest.mark.parametrize(
        ("old", "new", "where", "told"),
        [
            ("title: Site", "title: a: b", "site.yaml:5", "mapping values"),
            ("title: Site", "title: Site\ntitle: Again", "site.yaml:6", "stands twice"),
            ("status: draft", "status: ready", "line 4", "draft"),
            ("format: biomarker-acquisition/1\n", "", "site.yaml", "does not say its format"),
            ("biomarker-acquisition/1", "biomarker-study/1", "site.yaml:1", "biomarker-study/1"),
        ],
    )
    def test_a_file_that_is_no_protocol_is_refused_with_its_line(
        self, biomarker, site, old, new, where, told
    ):
        done = biomarker("protocol", "lint", site(old, new))
        assert done.returncode == 2
        assert "PROTOCOL-" in done.stderr
        assert where in done.stderr
        assert told in done.stderr

    def test_analysis_protocols_are_read_as_a_run_would(self, biomarker):
        done = biomarker("protocol", "lint", "fdg-suv")
        assert (done.returncode, done.stdout) == (0, "fdg-suv@1.0.0: 0 errors, 0 warnings\n")

    def test_an_analysis_names_the_file_in_which_a_key_stands(self, biomarker, tmp_path):
        shipped = biomarker("protocol", "show", "dwi-adc", "--format", "json").stdout
        data = {key: value for key, value in json.loads(shipped).items() if key != "sha256"}
        data["adc"]["estimater"] = "lls"
        (tmp_path / "parent.yaml").write_text(yaml.safe_dump(data))
        own = {key: data[key] for key in ("format", "version", "status", "title", "source")}
        own |= {"id": "child", "extends": "parent.yaml", "changelog": data["changelog"]}
        child = tmp_path / "child.yaml"
        child.write_text(yaml.safe_dump({**own, "regions": {"gasp": "none"}}, sort_keys=False))
        done = biomarker("protocol", "lint", child)
        assert done.returncode == 2
        parent_lines = (tmp_path / "parent.yaml").read_text().splitlines()
        number = 1 + parent_lines.index("  estimater: lls")
        assert (
            f"parent.yaml:{number}: error invalid adc.estimater: the key is unknown" in done.stdout
        )
        number = 1 + child.read_text().splitlines().index("  gasp: none")
        assert f"child.yaml:{number}: error invalid regions.gasp" in done.stdout


class TestDiff:
    def test_rules_and_the_way_a_limit_moved(self, biomarker, site):
        a, b = site(), site("max: 3", "max: 5", name="b.yaml")
        done = biomarker("protocol", "diff", a, b)
        assert done.returncode == 0
        assert "looser" in done.stdout
        (change,) = json.loads(biomarker("protocol", "diff", a, b, "--format", "json").stdout)
        assert change["rule_id"] == "SITE-1"
        assert (change["before"], change["after"]) == ("<= 3 mm", "<= 5 mm")

    def test_the_same_twice(self, biomarker, site):
        done = biomarker("protocol", "diff", site(), site(name="b.yaml"))
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "no rule differs")

    def test_settings_of_analyses_and_whether_results_may_be_pooled(self, biomarker, tmp_path):
        shipped = biomarker("protocol", "show", "dwi-adc", "--format", "json").stdout
        data = {key: value for key, value in json.loads(shipped).items() if key != "sha256"}
        a, b, c = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml"))
        a.write_text(yaml.safe_dump(data))
        b.write_text(yaml.safe_dump({**data, "title": "Another title"}))
        regions = {**data["regions"], "gaps": "interpolate"}
        c.write_text(yaml.safe_dump({**data, "regions": regions}))
        same = biomarker("protocol", "diff", a, b)
        assert same.returncode == 0
        assert "results are comparable" in same.stdout
        other = biomarker("protocol", "diff", a, c)
        assert other.returncode == 0
        assert "results are not comparable: they differ in 1 setting" in other.stdout
        (change,) = json.loads(biomarker("protocol", "diff", a, c, "--format", "json").stdout)
        assert change == {
            "setting": "regions.gaps",
            "before": data["regions"]["gaps"],
            "after": "interpolate",
            "moves_numbers": True,
        }

    def test_two_kinds_have_nothing_to_compare(self, biomarker):
        _refused(biomarker("protocol", "diff", "fdg-suv", "recist-ct"), 2, "PROTOCOL-KINDS")

    def test_an_unknown_id(self, biomarker):
        done = biomarker("protocol", "diff", "recist-ct", "fdgsuv")
        _refused(done, 2, "PROTOCOL-NOT-FOUND", "Did you mean fdg-suv")


class TestMatch:
    def test_the_best_stands_first_and_drafts_are_said(self, biomarker, ct):
        done = biomarker("protocol", "match", ct)
        assert done.returncode == 0
        lines = [line for line in done.stdout.splitlines() if "@" in line]
        assert lines[0].startswith("base-ct@1.0.0")
        assert any("qiba" in line and "(draft)" in line for line in lines)
        assert f"next: biomarker check {ct} --protocol base-ct" in done.stdout

    def test_json(self, biomarker, ct):
        rows = json.loads(biomarker("protocol", "match", ct, "--format", "json").stdout)
        scores = [row["score"] for row in rows]
        assert scores == sorted(scores, reverse=True)
        assert {"ident", "n_pass", "n_fail", "n_not_evaluable", "title", "is_draft"} <= set(rows[0])

    def test_a_folder_without_dicom(self, biomarker, no_dicom):
        _refused(biomarker("protocol", "match", no_dicom), 3, "NOTHING-FOUND", "no DICOM image")

    def test_a_path_that_is_not_there(self, biomarker, no_dicom):
        _refused(biomarker("protocol", "match", no_dicom / "no"), 3, "PATH-NOT-FOUND")


class TestDraft:
    def test_what_is_written_passes_its_lint_and_its_reference(self, biomarker, ct, tmp_path):
        path = tmp_path / "site-ct.yaml"
        done = biomarker("protocol", "draft", ct, "--id", "site-ct", "-o", path)
        assert done.returncode == 0
        assert f"biomarker protocol lint {path}" in done.stderr
        assert biomarker("protocol", "lint", path).returncode == 0
        rows = json.loads(biomarker("check", ct, "--protocol", path, "--format", "json").stdout)
        assert rows
        assert {row["outcome"] for row in rows} == {"pass"}

    def test_to_stdout_without_a_file(self, biomarker, ct):
        drafted = yaml.safe_load(biomarker("protocol", "draft", ct, "--id", "site-ct").stdout)
        assert (drafted["id"], drafted["status"]) == ("site-ct", "draft")

    def test_a_file_that_exists_is_not_overwritten(self, biomarker, ct, site):
        path = site()
        done = biomarker("protocol", "draft", ct, "-o", path)
        _refused(done, 2, "OUTPUT-EXISTS", str(path))
        assert path.read_text() == SITE

    def test_several_modalities(self, biomarker, sample_dir):
        folder = sample_dir / "centre_a" / "S0001" / "T1"
        _refused(biomarker("protocol", "draft", folder), 2, "DRAFT-MODALITY", "CT, MR, PT")

    def test_an_id_that_is_none(self, biomarker, ct):
        _refused(biomarker("protocol", "draft", ct, "--id", "My CT"), 2, "DRAFT-ID")

    def test_a_folder_without_dicom(self, biomarker, no_dicom):
        _refused(biomarker("protocol", "draft", no_dicom), 3, "NOTHING-FOUND")


class TestFacts:
    def test_the_library_has_units_and_definitions(self, biomarker):
        rows = json.loads(biomarker("protocol", "facts", "--format", "json").stdout)
        by_name = {row["fact"]: row for row in rows}
        assert by_name["slice_spacing_mm"]["unit"] == "mm"
        assert by_name["slice_spacing_mm"]["tags"] == "(0020,0032) (0020,0037)"
        assert all(row["definition"] for row in rows)

    def test_of_one_modality(self, biomarker):
        done = biomarker("protocol", "facts", "--modality", "pt")
        assert "uptake_time_min" in done.stdout
        assert "spiral_pitch" not in done.stdout

    def test_what_a_series_tells(self, biomarker, ct):
        rows = json.loads(biomarker("protocol", "facts", ct, "--format", "json").stdout)
        told = {row["fact"]: row["value"] for row in rows}
        assert told["slice_thickness_mm"] == "2.5"
        text = biomarker("protocol", "facts", ct).stdout
        assert text.count(rows[0]["series_uid"]) == 1

    def test_a_folder_without_dicom(self, biomarker, no_dicom):
        _refused(biomarker("protocol", "facts", no_dicom), 3, "NOTHING-FOUND")


@pytest.mark.parametrize(
    ("kind", "options"),
    [(ProtocolKind.ACQUISITION, ()), (ProtocolKind.ANALYSIS, ("--kind", "analysis"))],
)
def test_every_shipped_file_meets_the_published_schema(biomarker, kind, options):
    schema = json.loads(biomarker("protocol", "schema", *options).stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for path in list_protocols(kind):
        data, _ = read_yaml(path)
        assert not list(validator.iter_errors(data)), path


class TestOneKindForTheOther:
    def test_check_says_that_an_analysis_is_one_and_what_there_is(self, biomarker, ct):
        done = biomarker("check", ct, "--protocol", "fdg-suv")
        _refused(done, 2, "PROTOCOL-NOT-FOUND", "'fdg-suv' is an analysis protocol", "base-pet")

    def test_a_file_of_the_other_kind(self, biomarker, ct, tmp_path):
        source, _ = (p for p in list_protocols(ProtocolKind.ANALYSIS) if "fdg-suv" in str(p))
        path = shutil.copy(source, tmp_path / "mine.yaml")
        done = biomarker("check", ct, "--protocol", path)
        _refused(done, 2, "PROTOCOL-INVALID", "the file is an analysis protocol", "mine.yaml:1")

    def test_extract_says_that_an_acquisition_protocol_is_one(self, biomarker, ct):
        done = biomarker("extract", "suv", "--image", ct, "--mask", ct, "--analysis", "fdg-pet")
        assert done.returncode == 2
        assert "'fdg-pet' is an acquisition protocol" in done.stderr

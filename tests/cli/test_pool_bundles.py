"""``biomarker pool`` of bundles: checked first, read as the folders they were made of."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile

import pytest
from click.testing import CliRunner

from biomarker_cli.cli.main import cli
from biomarker_cli.exchange.bundles import unpacking
from biomarker_cli.exchange.errors import BundleError
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.zip_files import zip_bytes
from tests.pool_runs import ANALYSIS, digest, write_whole_run

A, B = "A/S1/T1/ct", "B/S1/T1/ct"


def bundled(folder, path, **members):
    """Write the bundle of a run folder; members may be others."""
    found = {one.name: one.read_bytes() for one in folder.iterdir()} | members
    name, _, version = ANALYSIS.partition("@")
    found[f"protocols/analysis/{name}/{version}.json"] = ANALYSIS.encode()
    files = [
        {"path": name, "bytes": len(one), "sha256": hashlib.sha256(one).hexdigest()}
        for name, one in found.items()
    ]
    said = {"format": "biomarker-bundle/1", "study": "trial", "identity": "study", "files": files}
    path.write_bytes(zip_bytes({**found, "bundle.json": json.dumps(said).encode()}))
    return path


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Return the folder in which nothing may be left."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert not list(place.iterdir())


def pooled(*words):
    done = CliRunner().invoke(cli, ["pool", *map(str, words)])
    if done.exception is not None:
        assert isinstance(done.exception, BiomarkerError), done.output
        return done.exception
    return done.stdout


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def runs(tmp_path):
    return [write_whole_run(tmp_path / name, [case]) for name, case in (("a", A), ("b", B))]


@pytest.fixture
def bundles(runs, tmp_path):
    return [bundled(run, tmp_path / f"{run.name}.zip") for run in runs]


def test_a_pool_of_bundles_is_that_of_their_folders(runs, bundles, tmp_path):
    assert "2 parts, 2 sites, 2 cases" in pooled(*runs, "-o", tmp_path / "of_runs")
    pooled(*bundles, "-o", tmp_path / "of_bundles")
    pooled(bundles[1], runs[0], "-o", tmp_path / "of_both")
    expected = contents(tmp_path / "of_runs")
    assert len(expected) == 10
    assert contents(tmp_path / "of_bundles") == expected
    assert contents(tmp_path / "of_both") == expected


def test_a_bundle_may_be_the_part_that_holds(runs, tmp_path):
    other = write_whole_run(tmp_path / "c", ["C/S1/T1/ct"], of_features={"engine": "other"})
    asked = ("--on", "engine=leave_out", "--format", "json", "--like")
    whole = bundled(runs[0], tmp_path / "a.zip"), bundled(other, tmp_path / "c.zip")
    told = [
        json.loads(pooled(*whole, "-o", tmp_path / f"pool{n}", *asked, like))
        for n, like in enumerate(whole)
    ]
    assert [one["left_out"] for one in told] == [{"other_engine": 3}] * 2
    rows = [(tmp_path / f"pool{n}" / "measurements.csv").read_text() for n in (0, 1)]
    assert [("A/S1" in one, "C/S1" in one) for one in rows] == [(True, False), (False, True)]


def test_contradictions_of_bundles_are_those_of_folders_by_their_names(bundles, tmp_path):
    out = ("-o", tmp_path / "pool")
    again = tmp_path / "again.zip"
    again.write_bytes(bundles[0].read_bytes())
    key = {"result_key": digest("other")}
    other = write_whole_run(tmp_path / "x", [A], of_case={A: key}, manifest={"cases": {A: key}})
    unlike = write_whole_run(
        tmp_path / "y", ["C/S1/T1/ct"], of_features={"analysis_sha256": digest("x")}
    )
    twin = write_whole_run(tmp_path / "z", ["D/S2/T1/ct"], of_case={
        "D/S2/T1/ct": {"pixels_sha256": digest(f"pixels {A}")}
    })  # fmt: skip
    for part, code, words in (
        (again, "POOL-CASE-REPEATED", ("a.zip", "again.zip", "the same result")),
        (bundles[0], "POOL-CASE-REPEATED", ("a.zip",)),
        (tmp_path / "a", "POOL-CASE-REPEATED", ("a.zip", "the same result")),
        (bundled(other, tmp_path / "x.zip"), "POOL-CASE-REPEATED", ("x.zip", "two results")),
        (bundled(unlike, tmp_path / "y.zip"), "POOL-UNLIKE", ("y.zip", ANALYSIS)),
        (bundled(twin, tmp_path / "z.zip"), "POOL-DUPLICATE", (A, "D/S2/T1/ct")),
    ):
        error = pooled(*bundles, part, *out)
        assert error.code == code
        said = f"{error.message} {error.where}"
        assert not [word for word in words if word not in said], said
        assert "temporary" not in said
        assert not (tmp_path / "pool").exists()


def _edited(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def _escaping(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped.csv", "x")


def _put_in(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo("more.csv"), "x")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (_edited, {"BUNDLE-UNREADABLE", "BUNDLE-UNSAFE", "BUNDLE-CHANGED"}),
        (_cut, {"BUNDLE-UNREADABLE"}),
        (_escaping, {"BUNDLE-UNSAFE"}),
        (_put_in, {"BUNDLE-UNSAFE"}),
        (lambda path: path.write_bytes(b""), {"BUNDLE-UNREADABLE"}),
        (lambda path: path.write_text("case_id\n"), {"BUNDLE-UNREADABLE"}),
        (lambda path: path.write_bytes(zip_bytes({"cases.csv": b""})), {"BUNDLE-FORMAT"}),
    ],
)
def test_a_bundle_that_is_none_is_refused_before_anything_is_written(
    bundles, tmp_path, change, codes
):
    change(bundles[1])
    error = pooled(*bundles, "-o", tmp_path / "pool")
    assert isinstance(error, BundleError)
    assert error.code in codes
    assert not (tmp_path / "pool").exists()
    assert not list(tmp_path.rglob("escaped*"))


def test_a_table_of_another_version_is_named_with_its_bundle(runs, tmp_path):
    package = json.loads((runs[0] / "datapackage.json").read_text())
    package["resources"][0]["schema"]["fields"][0]["name"] = "renamed"
    whole = bundled(
        runs[0], tmp_path / "old.zip", **{"datapackage.json": json.dumps(package).encode()}
    )
    error = pooled(whole, "-o", tmp_path / "pool")
    assert (error.code, error.where) == ("TABLE-PACKAGE", f"{whole}/datapackage.json")
    other = write_whole_run(tmp_path / "c", ["C/S1/T1/ct"])
    features = json.loads((other / "datapackage.json").read_text())
    features["resources"] = [r for r in features["resources"] if r["name"] != "rois"]
    (other / "rois.csv").unlink()
    (other / "datapackage.json").write_text(json.dumps(features))
    whole = bundled(other, tmp_path / "less.zip")
    error = pooled(whole, "-o", tmp_path / "pool")
    assert (error.code, error.where) == ("POOL-SCHEMA", str(whole))


def test_a_bundle_that_changes_while_it_is_read_is_not_taken(bundles, tmp_path, monkeypatch):
    checked = unpacking.check_bundle

    def then_replaced(path):
        found = checked(path)
        path.write_bytes(bundles[1].read_bytes())
        return found

    monkeypatch.setattr(unpacking, "check_bundle", then_replaced)
    error = pooled(bundles[0], "-o", tmp_path / "pool")
    assert error.code == "BUNDLE-CHANGED"


def test_nothing_of_a_bundle_but_its_tables_is_written(runs, tmp_path):
    whole = bundled(
        runs[0], tmp_path / "a.zip", **{"report.html": b"<p>", "derivations/x.json": b"{}"}
    )
    place = tmp_path / "out"
    place.mkdir()
    unpacking.unpack_tables(whole, place)
    assert contents(place) == contents(runs[0])

"""A bundle with de-identified copies and masks: what lies beside them is no way to the source."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from biomarker_cli.cli.main import cli
from biomarker_cli.exchange.bundles.archives import write_archive
from biomarker_cli.exchange.bundles.bundle_checking import check_bundle
from biomarker_cli.exchange.bundles.carried_dicom import CarriedDicom
from biomarker_cli.exchange.errors import BundleError, LeakError
from biomarker_cli.imaging.kept_masks import mask_from_bytes
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.zip_files import zip_bytes
from biomarker_cli.tables.kept import case_folder, index_bytes, index_from_bytes, read_index

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
PATIENT = "SYN-A-001"


def biomarker(*words):
    done = CliRunner().invoke(cli, [*map(str, words)])
    return done.exit_code, done.stdout + done.stderr


def measured(images, folder, subject="S0001"):
    """Run a study of the PET below a folder, which keeps its masks."""
    assert biomarker("init", images, "-o", folder)[0] == 0
    cases = folder / "cases.csv"
    cases.write_text(cases.read_text().replace("S0001", subject))
    with (folder / "study.yaml").open("a") as stream:
        stream.write("\nkeep: [masks]\n")
    assert biomarker("run", folder / "study.yaml", "-o", folder / "results", "--jobs", 1)[0] == 0
    return folder / "results"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a PET, its copies, and the runs of both."""
    folder = tmp_path_factory.mktemp("carried")
    shutil.copytree(SAMPLE / "centre_a" / "S0001" / "T1" / "pet", folder / "source")
    told = ("deidentify", folder / "source", "--key", folder / "key", "-o", folder / "copies")
    assert biomarker(*told)[0] in (0, 5)
    measured(folder / "source", folder / "of_source")
    measured(folder / "copies", folder / "of_copies")
    return folder


@pytest.fixture(scope="module")
def of_copies(place):
    path = place / "of_copies.zip"
    run = place / "of_copies" / "results"
    code, said = biomarker(
        "bundle", run, "-o", path, "--masks", "--report", "--dicom", place / "copies"
    )
    assert code == 0, said
    return path


@pytest.fixture(scope="module")
def of_source(place):
    path = place / "of_source.zip"
    told = ("--masks", "--report", "--dicom", place / "copies", "--key", place / "key")
    code, said = biomarker("bundle", place / "of_source" / "results", "-o", path, *told)
    assert code == 0, said
    return path


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(path, found):
    """Write a bundle whose own list agrees with whatever its members are now."""
    said = json.loads(found.pop("bundle.json"))
    said["files"] = [
        {"path": name, "bytes": len(one), "sha256": hashlib.sha256(one).hexdigest()}
        for name, one in found.items()
    ]
    path.write_bytes(zip_bytes({**found, "bundle.json": json.dumps(said).encode()}))
    return path


def uids_in(found):
    rows = [
        row
        for name, content in found.items()
        if name.endswith(".csv")
        for row in csv.DictReader(io.StringIO(content.decode()))
    ]
    cells = [row[name] for row in rows for name in row if name.endswith(("_uid", "_uids"))]
    return {one.partition("#")[0] for cell in cells for one in cell.split(";")} - {""}


@pytest.mark.parametrize("name", ["of_copies", "of_source"])
def test_copies_and_masks_arrive_as_they_are(name, place, request):
    path = request.getfixturevalue(name)
    found = contents(path)
    copies = {one.name: one.read_bytes() for one in (place / "copies").rglob("*") if one.is_file()}
    below = {one.rpartition("/")[2]: found[one] for one in found if one.startswith("dicom/")}
    assert below == copies
    run = place / name / "results"
    index = read_index(case_folder(run, "SITE/S0001/T1/pet"))
    kept = {one.path: found[f"kept/SITE__S0001__T1__pet/{one.path}"] for one in index.files}
    assert len(kept) == 2
    for one in index.files:
        assert kept[one.path] == (case_folder(run, index.case_id) / one.path).read_bytes()
        assert mask_from_bytes(kept[one.path], one.path).region.n_voxels > 0
    told = check_bundle(path)
    assert (told.n_dicom, told.n_masks) == (len(copies) - 1, 2)
    assert "2 masks" in biomarker("bundle", "check", path)[1]
    listed = json.loads(found["ro-crate-metadata.json"])["@graph"]
    types = {one["@id"]: one["encodingFormat"] for one in listed if one["@type"] == "File"}
    assert set(types) == set(found) - {"ro-crate-metadata.json", "bundle.json"}
    assert {one for one in types.values() if "dicom" in one} == {"application/dicom"}


def test_tables_of_a_run_on_the_copies_are_the_bytes_of_the_run(of_copies, place):
    found = contents(of_copies)
    assert json.loads(found["bundle.json"])["identity"] == "copy"
    for path in (place / "of_copies" / "results").glob("*.csv"):
        assert found[path.name] == path.read_bytes()


def test_tables_of_a_run_on_the_sources_are_mapped_by_the_key(of_source, of_copies, place):
    found = contents(of_source)
    assert uids_in(found) <= uids_in(contents(of_copies))
    assert {one for one in uids_in(found) if one.startswith("2.25.")}
    source = dcmread(next((place / "source").rglob("IM*.dcm")))
    words = [PATIENT, source.SeriesInstanceUID, source.StudyInstanceUID, str(source.StudyDate)]
    words += [f"{source.StudyDate[:4]}-{source.StudyDate[4:6]}-{source.StudyDate[6:]}"]
    run = place / "of_source" / "results"
    case = json.loads((run / "manifest.json").read_text())["cases"]["SITE/S0001/T1/pet"]
    words += [case["image_sha256"], case["mask_sha256"], case["input_sha256"]]
    for name, content in found.items():
        # A protocol tests its rules by headers of its own.
        if not name.startswith("protocols/"):
            assert not [word for word in words if word.encode() in content], name
    assert found["measurements.csv"] == (run / "measurements.csv").read_bytes()


def test_the_same_order_gives_the_same_bytes(of_copies, place, tmp_path):
    run, told = place / "of_copies" / "results", ("--masks", "--report", "--dicom")
    assert biomarker("bundle", run, "-o", tmp_path / "a", *told, place / "copies")[0] == 0
    assert (tmp_path / "a").read_bytes() == of_copies.read_bytes()


def refused(place, tmp_path, run, *told):
    """Return the code of the error that stops a bundle; nothing of it is left."""
    words = ["bundle", place / run / "results", "-o", tmp_path / "x.zip", *told]
    done = CliRunner().invoke(cli, [*map(str, words)])
    assert not list(tmp_path.glob("*x.zip*"))
    assert isinstance(done.exception, BiomarkerError), done.output
    return done.exception.code


def test_tables_that_would_lead_back_do_not_leave(place, tmp_path):
    copies = ("--dicom", place / "copies")
    assert refused(place, tmp_path, "of_source", *copies) == "BUNDLE-OTHER-SOURCE"
    other = tmp_path / "other"
    other.write_text("ab" * 32)
    with_other = (*copies, "--key", other)
    assert refused(place, tmp_path, "of_source", *with_other) == "BUNDLE-NO-LINK"
    shutil.copy(place / "key.link.csv", tmp_path / "other.link.csv")
    assert refused(place, tmp_path, "of_source", *with_other) == "BUNDLE-OTHER-SOURCE"
    # Mapped once more, UIDs of the copies are those of nothing.
    twice = (*copies, "--key", place / "key")
    assert refused(place, tmp_path, "of_copies", *twice) == "BUNDLE-OTHER-SOURCE"
    assert (
        biomarker("bundle", place / "of_source" / "results", "-o", tmp_path / "x", "--key", other)[
            0
        ]
        == 2
    )
    keep = ("--identity", "keep", *copies)
    assert biomarker("bundle", place / "of_source" / "results", "-o", tmp_path / "x", *keep)[0] == 2


def test_an_id_of_a_patient_that_a_subject_repeats_does_not_leave(place, tmp_path):
    measured(place / "source", tmp_path / "named", PATIENT)
    told = ("--dicom", place / "copies", "--key", place / "key")
    assert refused(tmp_path, tmp_path, "named", *told) == "BUNDLE-LEAK"


def test_a_copy_that_says_an_id_of_the_link_table_does_not_leave(place, tmp_path):
    copies = tmp_path / "copies"
    shutil.copytree(place / "copies", copies)
    path = next(copies.rglob("*.dcm"))
    dataset = dcmread(path)
    dataset.PatientComments = f"once known as {PATIENT}."
    dataset.save_as(path)
    list_anew(copies, path)
    told = ("--dicom", copies, "--key", place / "key")
    assert refused(place, tmp_path, "of_source", *told) == "BUNDLE-LEAK"


def test_text_beside_copies_names_no_uid_of_anything_else():
    mapped, other = "2.25.1234567890123456789", "1.2.840.113619.2.55.3.1"
    copies = CarriedDicom(Path(), {}, {}, frozenset({mapped}), b"", b"{}")
    for text in (mapped, "1.2.840.10008.5.1.4.1.1.128", "version 1.2.3.4.5", f"x{other}", ""):
        copies.require_no_other_uid("report.html", f"<p>{text}</p>".encode())
    for text in (other, f"{mapped} {other}", f"{mapped}1", "1.2.840.10008.5.1.4.1.1.128.99"):
        with pytest.raises(LeakError):
            copies.require_no_other_uid("report.html", f"<p>{text}</p>".encode())


def put_in(folder):
    (folder / "more.dcm").write_bytes(b"x")


def take_out(folder):
    next(folder.rglob("*.dcm")).unlink()


def edit(folder):
    path = next(folder.rglob("*.dcm"))
    path.write_bytes(path.read_bytes() + b"\0\0")


def link(folder):
    path = next(folder.rglob("*.dcm"))
    moved = folder.parent / "moved.dcm"
    path.rename(moved)
    path.symlink_to(moved)


def without_manifest(folder):
    (folder / "deidentification.json").unlink()


def identified(folder):
    """Put an object in that names somebody, and list it."""
    path = next(folder.rglob("*.dcm"))
    dataset = dcmread(path)
    dataset.PatientName = "Doe^Jane"
    del dataset.PatientIdentityRemoved
    dataset.save_as(path)
    list_anew(folder, path)


def damaged(folder):
    """Put an object in that has a sequence of bytes that are none, and list it."""
    path = next(folder.rglob("*.dcm"))
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    broken = b"\x08\0\x40\x11SQ\0\0" + (20).to_bytes(4, "little") + b"\xfe\xff\0\xe0" + bytes(16)
    path.write_bytes(content[:start] + broken + content[start:])
    list_anew(folder, path)


def list_anew(folder, path):
    manifest = folder / "deidentification.json"
    said = json.loads(manifest.read_text())
    name = path.relative_to(folder).as_posix()
    said["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(said))


def escaping(folder):
    manifest = folder / "deidentification.json"
    said = json.loads(manifest.read_text())
    said["files"]["../key.dcm"] = "0" * 64
    manifest.write_text(json.dumps(said))


@pytest.mark.parametrize(
    "change", [put_in, take_out, edit, link, without_manifest, identified, damaged, escaping]
)
def test_copies_that_are_not_as_they_were_written_do_not_leave(place, tmp_path, change):
    copies = tmp_path / "copies"
    shutil.copytree(place / "copies", copies)
    change(copies)
    assert refused(place, tmp_path, "of_copies", "--dicom", copies) == "BUNDLE-DICOM"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"format": "biomarker-deidentified/1", "files": [1]}', b"[" * 9999],
)
def test_a_manifest_of_copies_that_is_none_is_refused(place, tmp_path, content):
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "deidentification.json").write_bytes(content)
    told = ("--dicom", tmp_path / "copies")
    assert refused(place, tmp_path, "of_copies", *told) == "BUNDLE-DICOM"


def test_a_run_that_keeps_no_masks_says_so(place, tmp_path):
    shutil.copytree(place / "of_source" / "results", tmp_path / "run" / "results")
    shutil.rmtree(tmp_path / "run" / "results" / "kept")
    assert refused(tmp_path, tmp_path, "run", "--masks") == "BUNDLE-NO-MASKS"


def test_a_kept_mask_that_was_changed_does_not_leave(place, tmp_path):
    shutil.copytree(place / "of_source" / "results", tmp_path / "run" / "results")
    mask = next((tmp_path / "run").rglob("*.mask"))
    mask.write_bytes(mask.read_bytes()[:-1] + b"x")
    assert refused(tmp_path, tmp_path, "run", "--masks") == "KEPT-DAMAGED"


INDEX = "kept/SITE__S0001__T1__pet/kept.json"


def _copy(found):
    return next(name for name in found if name.endswith(".dcm"))


def _swap_copy(found):
    one, other = [name for name in found if name.endswith(".dcm")][:2]
    found[one], found[other] = found[other], found[one]


def _other_index(found, **change):
    index = index_from_bytes(found[INDEX], INDEX)
    files = tuple(replace(one, **change) for one in index.files)
    found[INDEX] = index_bytes(replace(index, files=files))


def _named_person(found):
    name = _copy(found)
    dataset = dcmread(io.BytesIO(found[name]))
    dataset.PatientIdentityRemoved = "NO"
    stream = io.BytesIO()
    dataset.save_as(stream)
    found[name] = stream.getvalue()


CHANGES = {
    "BUNDLE-CHANGED": {
        "another copy": _swap_copy,
        "copy put in": lambda found: found.update({"dicom/1.2.dcm": found[_copy(found)]}),
        "copy taken out": lambda found: found.pop(_copy(found)),
        "no list of copies": lambda found: found.pop("dicom/deidentification.json"),
        "mask taken out": lambda found: found.pop(next(n for n in found if n.endswith(".mask"))),
        "mask put in": lambda found: found.update({"kept/x/masks/y.mask": b"{}\n"}),
        "index edited": lambda found: found.update({INDEX: found[INDEX].replace(b"GTV", b"GTX")}),
        "another ROI": lambda found: _other_index(found, roi_id="X"),
        "another digest": lambda found: _other_index(found, sha256="0" * 64),
    },
    "BUNDLE-FORMAT": {
        "a copy that names somebody": _named_person,
        "no DICOM": lambda found: found.update({_copy(found): b"x"}),
        "list of copies": lambda found: found.update({"dicom/deidentification.json": b"{}"}),
    },
}


@pytest.mark.parametrize(
    ("code", "change"), [(code, name) for code, found in CHANGES.items() for name in found]
)
def test_a_bundle_that_was_edited_and_sealed_anew_is_told(of_copies, tmp_path, code, change):
    found = contents(of_copies)
    CHANGES[code][change](found)
    with pytest.raises(BundleError) as caught:
        check_bundle(sealed(tmp_path / "x.zip", found))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("identity", "code"), [("copy", "BUNDLE-CHANGED"), ("keep", "BUNDLE-FORMAT")]
)
def test_an_identity_that_the_members_contradict_is_told(of_copies, tmp_path, identity, code):
    found = contents(of_copies)
    if identity == "copy":
        found = {name: one for name, one in found.items() if not name.startswith("dicom/")}
    else:
        found["bundle.json"] = found["bundle.json"].replace(b'"copy"', b'"keep"')
    with pytest.raises(BundleError) as caught:
        check_bundle(sealed(tmp_path / "x.zip", found))
    assert caught.value.code == code


def test_members_that_share_their_bytes_are_refused(tmp_path):
    stream = io.BytesIO()
    write_archive(
        stream, {"a.csv": lambda: b"1" * 5000, "b.csv": lambda: b"2" * 5000}, {"a.csv", "b.csv"}
    )
    content = bytearray(stream.getvalue())
    second = content.rindex(b"PK\x01\x02")
    start = content.rindex(b"PK\x03\x04")
    # The first member reaches over the second one.
    first = content.index(b"PK\x01\x02")
    size = (len(content) - 40).to_bytes(4, "little")
    content[first + 20 : first + 24] = content[first + 24 : first + 28] = size
    assert second > first > start
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        check_bundle(path)
    assert caught.value.code == "BUNDLE-UNSAFE"

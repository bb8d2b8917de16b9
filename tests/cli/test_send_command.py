"""``biomarker send`` and ``fetch`` with a server that is not ours, by both ways."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from biomarker_cli.model.exit_codes import ExitCode
from tests.cli.conftest import Run
from tests.servers.orthanc import Orthanc, free_port
from tests.servers.proxies import Proxy

pytestmark = pytest.mark.oracle
SAMPLE = "centre_a/S0001/T1/pet"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


@pytest.fixture(scope="module")
def orthanc(new_orthanc) -> Orthanc:
    return new_orthanc()


@pytest.fixture
def sources(orthanc, tmp_path) -> Path:
    path = tmp_path / "biomarker-sources.yaml"
    path.write_text(
        "format: biomarker-sources/1\n"
        "sources:\n"
        f"  web: {{kind: dicomweb, url: '{orthanc.dicomweb_url}', idle_timeout_s: 10}}\n"
        "  node: {kind: dimse, host: localhost, called_ae: ORTHANC, idle_timeout_s: 10, "
        f"port: {orthanc.dicom_port}}}\n"
        "  wrong: {kind: dimse, host: localhost, called_ae: WRONG, "
        f"port: {orthanc.dicom_port}}}\n"
    )
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("way", ["web", "node"])
def test_sent_and_fetched_again_they_are_the_same(
    biomarker: Run, orthanc, sources, sample_dir, tmp_path, way
):
    orthanc.empty()
    folder = sample_dir / SAMPLE
    files = [path for path in folder.rglob("*") if path.is_file()]
    dry = biomarker("send", folder, way, "--dry-run", "--format", "json", cwd=tmp_path)
    assert dry.returncode == ExitCode.DONE, dry.stderr
    assert orthanc.instances() == []
    done = biomarker("send", folder, way, "-o", "sent", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "files/s" in done.stderr
    rows = rows_of(tmp_path / "sent/sent.csv")
    counts = Counter(row["status"] for row in rows)
    assert counts == Counter(row["status"] for row in rows if row["status"] != "held")
    assert counts["sent"] == len(orthanc.instances()) == len(files) - counts["not_dicom"]
    again = biomarker("send", folder, way, "-o", "sent", "--format", "json", cwd=tmp_path)
    told = json.loads(again.stdout)
    assert told["n_files_sent"] == 0
    assert {row["status"] for row in told["files"]} <= {"held", "not_dicom"}
    fetched = biomarker("fetch", way, "--all", "-o", "data", cwd=tmp_path)
    assert fetched.returncode == ExitCode.DONE, fetched.stderr
    here = {path.stem for path in (tmp_path / "data").rglob("*.dcm")}
    assert here == set(orthanc.instances())
    if way == "web":
        for path in (tmp_path / "data").rglob("*.dcm"):
            assert path.read_bytes() == orthanc.held_file(path.stem)
    # As sent, but for what Orthanc writes anew: by STOW it stores the bytes that came.
    sent = {
        row["sop_instance_uid"]: folder / row["file"] for row in rows if row["status"] == "sent"
    }
    if way == "web":
        assert all(orthanc.held_file(uid) == path.read_bytes() for uid, path in sent.items())


@pytest.mark.parametrize("way", ["web", "node"])
def test_a_class_that_the_server_does_not_know_is_named(
    biomarker: Run, orthanc, sources, sample_dir, tmp_path, way
):
    import pydicom

    orthanc.empty()
    paths = sorted((sample_dir / SAMPLE / "image").glob("*"))[:2]
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects/a.dcm").write_bytes(paths[0].read_bytes())
    other = pydicom.dcmread(paths[1])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = LABEL_MAP
    other.SeriesInstanceUID = "1.2.3.4"
    other.save_as(tmp_path / "objects/b.dcm")
    done = biomarker("send", "objects", way, "-o", "sent", cwd=tmp_path)
    rows = {row["file"]: row for row in rows_of(tmp_path / "sent/sent.csv")}
    assert rows["a.dcm"]["status"] == "sent"
    if way == "node":
        assert done.returncode == ExitCode.PARTIAL, done.stderr
        assert rows["b.dcm"]["error_code"] == "DIMSE-CLASS"
        assert "Label Map Segmentation" in rows["b.dcm"]["error_message"]
        assert "DIMSE-CLASS" in done.stderr
    else:
        # By DICOMweb it takes every class.
        assert rows["b.dcm"]["status"] in {"sent", "failed"}


def test_a_wrong_title_a_wrong_name_and_an_empty_folder_are_named(
    biomarker: Run, sources, sample_dir, tmp_path
):
    wrong = biomarker("send", sample_dir / SAMPLE, "wrong", cwd=tmp_path)
    assert wrong.returncode == ExitCode.FAILED
    assert "DIMSE-REJECTED" in wrong.stderr
    assert not (tmp_path / "pet_sent/sent.csv").exists()
    unknown = biomarker("send", sample_dir / SAMPLE, "nobody", cwd=tmp_path)
    assert unknown.returncode == ExitCode.USAGE
    assert "SOURCE-UNKNOWN" in unknown.stderr
    (tmp_path / "empty").mkdir()
    empty = biomarker("send", "empty", "node", cwd=tmp_path)
    assert empty.returncode == ExitCode.NOTHING_FOUND
    absent = biomarker("send", "absent", "node", cwd=tmp_path)
    assert absent.returncode == ExitCode.NOTHING_FOUND
    assert "PATH-NOT-FOUND" in absent.stderr


def test_what_lies_in_the_folder_of_the_table_is_not_written_over(
    biomarker: Run, sources, sample_dir, tmp_path
):
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent/sent.txt").write_text("mine")
    done = biomarker("send", sample_dir / SAMPLE, "node", "-o", "sent", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert "OUTPUT-EXISTS" in done.stderr


@pytest.mark.parametrize("way", ["web", "node"])
def test_cut_in_the_middle_it_is_sent_by_the_same_command(
    biomarker: Run, orthanc, sample_dir, tmp_path, way
):
    orthanc.empty()
    folder = sample_dir / SAMPLE
    port = orthanc.http_port if way == "web" else orthanc.dicom_port
    with Proxy(port, cut_after=1500) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/dicom-web"
        target = url if way == "web" else f"dimse://ORTHANC@127.0.0.1:{proxy.port}"
        cut = biomarker("send", folder, target, "-o", "sent", cwd=tmp_path)
    assert cut.returncode in {ExitCode.PARTIAL, ExitCode.FAILED}, cut.stdout
    url = orthanc.dicomweb_url
    target = url if way == "web" else f"dimse://ORTHANC@127.0.0.1:{orthanc.dicom_port}"
    done = biomarker("send", folder, target, "-o", "sent2", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    rows = rows_of(tmp_path / "sent2/sent.csv")
    n_dicom = sum(row["status"] != "not_dicom" for row in rows)
    assert len(orthanc.instances()) == n_dicom


def test_a_fetch_by_move_takes_the_port_of_the_file_of_sources(
    biomarker: Run, new_orthanc, sample_dir, tmp_path
):
    port = free_port()
    server = new_orthanc(dicomweb=False, move_ports={"MOVER": port})
    server.upload(sorted((sample_dir / SAMPLE / "image").glob("*"))[:5])
    (tmp_path / "biomarker-sources.yaml").write_text(
        "format: biomarker-sources/1\n"
        "sources:\n"
        "  node: {kind: dimse, host: localhost, called_ae: ORTHANC, calling_ae: MOVER, "
        f"retrieve: move, listen_port: {port}, port: {server.dicom_port}}}\n"
    )
    done = biomarker("fetch", "node", "--modality", "PT", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "1 of 1 series complete, 5 files" in done.stdout

"""``biomarker fetch``: series out of a DICOMweb server, and what it says of them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from biomarker_cli.model.exit_codes import ExitCode
from tests.cli.conftest import CHECKOUT, Run
from tests.dicomweb_server import Answer, DicomwebServer, serving
from tests.synthetic_pacs import Pacs, pacs_of


@pytest.fixture(scope="module")
def pacs() -> Pacs:
    return pacs_of(n_series=2, n_instances=5)


@pytest.fixture
def server(pacs: Pacs) -> Iterator[DicomwebServer]:
    with serving(pacs) as told:
        yield told


@pytest.fixture
def sources(server: DicomwebServer, tmp_path: Path) -> Path:
    path = tmp_path / "biomarker-sources.yaml"
    path.write_text(
        "format: biomarker-sources/1\n"
        f"sources:\n  archive:\n    kind: dicomweb\n    url: {server.url}\n    idle_timeout_s: 5\n"
    )
    return path


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "fetched.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_fetch_then_init_then_scan(
    biomarker: Run, sources: Path, pacs: Pacs, tmp_path: Path
) -> None:
    done = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "2 of 2 series complete, 10 files" in done.stdout
    assert "files/s" in done.stderr
    assert "MB/s" in done.stderr
    scanned = biomarker("scan", "data", "--format", "json", cwd=tmp_path)
    found = json.loads(scanned.stdout)
    assert scanned.returncode == ExitCode.DONE
    assert "P1" not in (tmp_path / "data" / "fetched.csv").read_text()
    assert "ok" in json.dumps(found)
    made = biomarker("init", "data", cwd=tmp_path)
    assert made.returncode == ExitCode.DONE, made.stderr
    again = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert again.returncode == ExitCode.DONE, again.stderr
    assert "0 files, 0.0 MB" in again.stderr
    assert sorted(p.read_bytes() for p in (tmp_path / "data").rglob("*.dcm")) == sorted(
        pacs.contents()
    )


def test_a_dry_run_counts_and_writes_nothing(
    biomarker: Run, sources: Path, server: DicomwebServer, tmp_path: Path
) -> None:
    arguments = ("fetch", "archive", "--sources", sources, "--modality", "CT", "--dry-run")
    done = biomarker(*arguments, "--format", "json", cwd=tmp_path)
    assert [row["n_expected"] for row in json.loads(done.stdout)["series"]] == [5, 5]
    text = biomarker(*arguments, "-o", tmp_path / "new").stdout
    assert "nothing was written" in text
    assert max(map(len, text.splitlines())) <= 80
    assert not (tmp_path / "new").exists()
    assert all(
        path.partition("?")[0].endswith(("studies", "series", "instances")) for path in server.asked
    )


def test_a_whole_pacs_is_fetched_only_when_that_is_said(
    biomarker: Run, sources: Path, tmp_path: Path
) -> None:
    done = biomarker("fetch", "archive", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert "nothing is asked for" in done.stderr
    both = biomarker("fetch", "archive", "--all", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert both.returncode == ExitCode.USAGE
    meant = biomarker("fetch", "archive", "--all", "-o", "data", "--quiet", cwd=tmp_path)
    assert meant.returncode == ExitCode.DONE
    assert meant.stderr == ""


def test_nothing_that_matches_ends_with_3(biomarker: Run, sources: Path, tmp_path: Path) -> None:
    done = biomarker("fetch", "archive", "--patient", "P9", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.NOTHING_FOUND
    assert "NOTHING-FOUND" in done.stderr


def test_a_list_is_fetched_and_a_row_without_a_match_named(
    biomarker: Run, sources: Path, pacs: Pacs, tmp_path: Path
) -> None:
    series = next(iter(pacs.series))
    listed = tmp_path / "list.csv"
    listed.write_text(f"patient_id,series_uid,note\nP1,{series.series_uid},x\nP9,,=1+1\n")
    done = biomarker(
        "fetch", "archive", "--list", listed, "-o", "data", "--format", "json", cwd=tmp_path
    )
    assert done.returncode == ExitCode.PARTIAL
    assert "list.csv:3: nothing matches" in done.stderr
    found = json.loads(done.stdout)
    assert [row["series_uid"] for row in found["series"]] == [series.series_uid]
    assert found["unmatched"] == ["list.csv:3"]


def test_a_series_that_is_not_complete_is_named_and_the_others_stand(
    biomarker: Run, sources: Path, server: DicomwebServer, tmp_path: Path
) -> None:
    gone = sorted(next(iter(server.pacs.series.values())))[0]

    def change(path: str, answer: Answer) -> Answer:
        if path.endswith(gone):
            return Answer(status=404)
        if answer.content_type.startswith("multipart") and "/instances/" not in path:
            return replace(answer, cut_at=10)
        return answer

    server.change = change
    done = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.PARTIAL
    assert "FETCH-NOT-FOUND" in done.stdout
    assert sorted((r["status"], r["n_on_disk"]) for r in rows_of(tmp_path / "data")) == [
        ("complete", "5"),
        ("incomplete", "4"),
    ]


def test_a_wrong_password_is_said_once_and_never_shown(
    biomarker: Run, sources: Path, server: DicomwebServer, tmp_path: Path
) -> None:
    server.change = lambda _, answer: Answer(status=401)
    said = {"BIOMARKER_SOURCE_ARCHIVE_USER": "me", "BIOMARKER_SOURCE_ARCHIVE_PASSWORD": "s3cret!"}
    done = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path, **said)
    assert done.returncode == ExitCode.FAILED
    assert "FETCH-DENIED" in done.stderr
    assert "s3cret!" not in done.stderr + done.stdout
    assert len(server.asked) == 1


def test_words_of_a_source_are_shown_and_not_obeyed(
    biomarker: Run, sources: Path, server: DicomwebServer, tmp_path: Path
) -> None:
    server.pacs = Pacs(
        {replace(s, modality="\x1b[2J=CT"): found for s, found in server.pacs.series.items()}
    )
    done = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE
    assert "\x1b" not in done.stdout + done.stderr
    assert {row["modality"] for row in rows_of(tmp_path / "data")} == {""}


def test_an_interrupted_fetch_names_what_is_missing_and_goes_on(
    biomarker: Run, sources: Path, server: DicomwebServer, pacs: Pacs, tmp_path: Path
) -> None:
    server.change = lambda _, answer: (
        replace(answer, cut_at=4000, stall_s=4)
        if answer.content_type.startswith("multipart")
        else answer
    )
    command = [sys.executable, "-m", "biomarker_cli", "fetch", "archive", "--all", "-o", "data"]
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        # What starts the tests in the background leaves SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 30
    while not list(tmp_path.rglob("*.dcm")) and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == ExitCode.INTERRUPTED
    rows = rows_of(tmp_path / "data")
    assert {row["error_code"] for row in rows} == {"FETCH-INTERRUPTED"}
    assert len(rows) == 2
    assert not list(tmp_path.rglob("*.part"))
    server.change = lambda _, answer: answer
    done = biomarker("fetch", "archive", "--all", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.DONE
    assert sorted(p.read_bytes() for p in (tmp_path / "data").rglob("*.dcm")) == sorted(
        pacs.contents()
    )


def test_other_tables_are_not_written_over(biomarker: Run, sources: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "datapackage.json").write_text("{}")
    done = biomarker("fetch", "archive", "--patient", "P1", "-o", "data", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert "OUTPUT-EXISTS" in done.stderr

"""Text from outside on a terminal, in a pipe and in JSON: shown, never obeyed, always UTF-8."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import pty
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from synthetic_dwi import Spec, write_dwi
from synthetic_segmentations import Roi, rectangle, structure_set
from synthetic_series import axial, uid, write_series

from biomarker_cli.cli.main import cli
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.wording import shown
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import MEASUREMENTS

CLI = Path(__file__).resolve().parents[2] / "biomarker_cli"

MARKUP = "[/b][left]:warning:"
OBEYED = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eabc\u2066\u200b"
HOSTILE = f"=1+1{MARKUP}{OBEYED}"
NAME = os.fsdecode(b"\xff[red]\x1b[2J")
"""Of a file or folder: a byte that is no UTF-8, markup, an escape sequence."""

HERE = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale in which Python would write ASCII."""

GEOMETRY = Geometry((3, 8, 8), (1.0, 2.0, 3.0), (-10.0, -20.0, 0.0))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three series and a structure set whose every free text is hostile, in a hostile folder."""
    home = tmp_path_factory.mktemp("hostile")
    folder = home / NAME
    folder.mkdir()

    def change(_index: int, dataset: pydicom.Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SeriesDescription = HOSTILE
        dataset.Manufacturer = HOSTILE
        dataset.ConvolutionKernel = HOSTILE

    def diffusion(dataset: pydicom.Dataset) -> None:
        change(0, dataset)

    write_series(folder / "ct", axial(0.0, 3.0, 6.0), change=change, rows=8, columns=8)
    write_dwi(folder / "dwi", [Spec(b, change=diffusion) for b in (0.0, 800.0)])
    box = [("CLOSED_PLANAR", rectangle(GEOMETRY, z, (-2.2, -5.2), (2.2, 5.2))) for z in range(3)]
    rois = [Roi(HOSTILE, box, 1), Roi("b", box, 2)]
    regions = structure_set(rois, referenced_series=[uid("series", "1")])
    regions.PatientID = "P1"
    regions.SpecificCharacterSet = "ISO_IR 192"
    regions.save_as(folder / "rt.dcm", enforce_file_format=True)
    (folder / f"{NAME}.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\0\x05\0CS\xff\xff")
    return home


def _run(*arguments: object, cwd: Path, **env: str) -> tuple[int, str, str]:
    """Run the command in a locale of ASCII; what it wrote must be UTF-8."""
    done = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"biomarker_cli"]
        + [os.fsencode(str(argument)) for argument in arguments],
        capture_output=True,
        cwd=os.fsencode(cwd),
        env={**os.environ, "PYTHONPATH": str(CLI.parent), **HERE, **env},
        timeout=120,
        check=False,
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert done.returncode != 1, err
    assert "Traceback" not in err, err
    return done.returncode, out, err


def _assert_tame(text: str) -> None:
    bad = {c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}}
    assert not bad, sorted(map(ascii, bad))


COMMANDS = {
    "scan": (["scan", NAME], f"{NAME}.dcm"),
    "check": (["check", f"{NAME}/ct", "--protocol", "recist-ct"], NAME),
    "facts": (["protocol", "facts", f"{NAME}/ct"], f"=1+1{MARKUP}"),
    "regions --list": (["regions", f"{NAME}/rt.dcm", "--list"], HOSTILE),
    "regions": (["regions", f"{NAME}/rt.dcm", "--image", f"{NAME}/ct"], HOSTILE),
    "bvalues": (["bvalues", f"{NAME}/ct"], NAME),
    "suv-explain": (["suv-explain", NAME], NAME),
    "status": (["status", NAME], NAME),
    "usage": (["scan", f"--{NAME}"], ""),
    "init": (["init", NAME], NAME),
}
EXTRACT = ["extract", "radiomics", "--image", f"{NAME}/ct", "--mask", f"{NAME}/rt.dcm"]
EXTRACT += ["--analysis", "pyradiomics-default"]


@pytest.mark.parametrize("command", COMMANDS)
def test_text_from_outside_is_shown_and_never_obeyed(trial, command):
    arguments, quoted = COMMANDS[command]
    _code, out, err = _run(*arguments, cwd=trial)
    _assert_tame(out + err)
    assert shown(quoted) in out + err


@pytest.mark.parametrize("command", ["scan", "regions", "facts"])
def test_json_is_utf_8_and_holds_the_text_itself(trial, command):
    code, out, _err = _run(*COMMANDS[command][0], "--format", "json", cwd=trial)
    assert code in {0, 5}
    _assert_tame(out)
    texts = [value for row in json.loads(out) for value in row.values() if isinstance(value, str)]
    assert "".join(texts).encode("utf-8")
    assert any(text.startswith(f"=1+1{MARKUP}") for text in texts)
    if command == "scan":
        assert HOSTILE in texts


def test_a_run_shows_and_keeps_hostile_names(trial, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(
        "format: biomarker-study/1\nid: x\ncases: cases.csv\n"
        "roles:\n  ct: {acquisition: recist-ct, analyses: [pyradiomics-default]}\n"
    )
    (tmp_path / "data").symlink_to(trial / NAME)
    (tmp_path / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask\nA,S1,T1,ct,data/ct,data/rt.dcm\n"
    )
    code, out, err = _run("run", study, "-o", NAME, "--jobs", "1", cwd=tmp_path)
    _assert_tame(out + err)
    assert code == 0, out + err
    assert shown(HOSTILE) in out
    assert shown(NAME) in out
    _code, out, err = _run("status", NAME, cwd=tmp_path)
    _assert_tame(out + err)
    with (tmp_path / NAME / "rois.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["roi_label"]: row for row in csv.DictReader(file)}
    assert f"'{HOSTILE}" in rows
    with (tmp_path / NAME / "measurements.csv").open(encoding="utf-8", newline="") as file:
        measured = {row["roi_id"] for row in csv.DictReader(file)}
    assert measured == {row["roi_id"] for row in rows.values()}, "keys are escaped alike"


def test_a_region_may_be_named_like_a_file_that_is_no_utf_8(trial, tmp_path):
    mask = nib.Nifti1Image(np.ones((8, 8, 3), np.uint8), np.diag([-1.0, -2.0, 3.0, 1.0]))
    mask.affine[:3, 3] = 10.0, 20.0, 0.0
    nib.save(mask, tmp_path / "m.nii.gz")
    path = (tmp_path / "m.nii.gz").rename(tmp_path / f"{NAME}.nii.gz")
    code, _out, err = _run(*EXTRACT[:5], path, *EXTRACT[6:], "-o", tmp_path / "o", cwd=trial)
    _assert_tame(err)
    assert code == 0, err
    frame = read_table(MEASUREMENTS, tmp_path / "o")
    assert set(frame["roi_id"]) == {NAME}
    _assert_tame((tmp_path / "o" / "run.log").read_text(encoding="utf-8"))
    _code, out, _err = _run("status", tmp_path / "o", cwd=trial)
    assert "measured" in out


def test_a_list_of_cases_is_read_as_it_was_written(tmp_path):
    """A folder whose name begins a formula, and a label that does."""
    write_series(tmp_path / "=ct", axial(0.0, 3.0, 6.0))
    runner = CliRunner()
    assert runner.invoke(cli, ["init", str(tmp_path)]).exit_code == 0
    assert ",'=ct," in (tmp_path / "cases.csv").read_text()
    run = ["run", str(tmp_path / "study.yaml"), "--dry-run", "--format", "json"]
    [row] = json.loads(runner.invoke(cli, run).stdout)
    assert row["files"] == 3
    nib.save(nib.Nifti1Image(np.ones((5, 4, 3), np.uint8), np.eye(4)), tmp_path / "m.nii.gz")
    (tmp_path / "m.labels.csv").write_text("value,name\n1,'=GTV\n")
    listed = runner.invoke(cli, ["regions", str(tmp_path / "m.nii.gz"), "--list"])
    assert "=GTV" in listed.stdout
    assert "'=GTV" not in listed.stdout


def test_tables_of_scan_and_check_are_escaped_alike(trial, tmp_path):
    _run("scan", f"{NAME}/ct", "-o", tmp_path / "scan.csv", cwd=trial)
    text = (tmp_path / "scan.csv").read_bytes().decode("utf-8")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["description"] == f"'{HOSTILE}"
    assert float(row["spacing_z_mm"]) == 3.0
    _run("scan", NAME, "-o", tmp_path / "scan.parquet", cwd=trial)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert HOSTILE in parquet.read_table(tmp_path / "scan.parquet")["description"].to_pylist()


def test_measurements_on_stdout_are_the_bytes_of_the_table(trial, tmp_path):
    _run(*EXTRACT, "-o", tmp_path / "out", cwd=trial)
    _code, out, err = _run(*EXTRACT, cwd=trial)
    _assert_tame(err)
    assert out == (tmp_path / "out" / "measurements.csv").read_bytes().decode("utf-8")


def test_a_terminal_is_sent_no_sequence_of_a_table(trial):
    """CSV is data in a pipe, and text before somebody's eyes."""
    text = _on_a_terminal(EXTRACT, trial)
    _assert_tame(text)
    assert shown(HOSTILE) in text


def _on_a_terminal(arguments: list[str], cwd: Path) -> str:
    reader, writer = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "biomarker_cli", *arguments],
            stdout=writer,
            stderr=subprocess.DEVNULL,
            cwd=os.fsencode(cwd),
            env={**os.environ, "PYTHONPATH": str(CLI.parent), "NO_COLOR": "1", "TERM": "dumb"},
        ):
            os.close(writer)
            return b"".join(_chunks(reader)).decode("utf-8").replace("\r\n", "\n")
    finally:
        os.close(reader)


def _chunks(reader: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(reader, 65536)
        except OSError:  # the other end has closed
            return
        if not chunk:
            return
        yield chunk


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (f"import {getattr(node, 'module', None) or a.name}" for a in node.names)
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def test_one_module_prints():
    """Everything else goes through it, so that no text reaches a terminal as it is."""
    raw = {"click.echo", "click.secho", "click.style", "print", "sys.stdout", "sys.stderr"}
    found = {
        f"{path.relative_to(CLI)}: {call}"
        for path in CLI.rglob("*.py")
        if path != CLI / "cli" / "output.py"
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if call in raw or call.startswith(("import rich", "traceback.print", "sys.__std"))
    }
    assert not found


def test_a_warning_of_a_library_obeys_nothing_also_in_a_worker():
    """Workers import the entry point and never call it; pydicom quotes character sets."""
    code = "import biomarker_cli.__main__, warnings; warnings.warn('\\x1b[2J' + 'x' * 5000)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CLI.parent)},
        check=True,
    )
    _assert_tame(done.stderr)
    assert done.stderr.startswith(r"warning  UserWarning: \x1b[2Jxx")
    assert len(done.stderr) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x9b\x7f", r"\x9b\x7f"),
        ("\u202e\u2066\u2028\ufeff", r"\u202e\u2066\u2028\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\xff"),
        ("\ud800", r"\ud800"),
        ("Müller µ 5\u00a0mm 肺 [x] \\", "Müller µ 5\u00a0mm 肺 [x] \\"),
    ],
)
def test_what_has_no_glyph_is_shown_by_its_number(text, expected):
    assert shown(text) == expected


def test_a_message_is_bounded():
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.model.wording import bounded, quoted

    error = ConfigurationError("X", "n" * 100_000)
    assert len(error.message) == 1000
    assert error.message.endswith("(100000 characters)")
    assert bounded(error.message, 1000) == error.message
    assert quoted("\x1b" + "x" * 300) == "'\\x1b" + "x" * 199 + "'... (301 characters)"
    assert quoted("70,5") == "'70,5'"
    assert np.all([len(bounded("y" * n)) <= 200 for n in range(1000)])

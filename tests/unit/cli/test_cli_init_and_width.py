"""What `init` says, and that lists fit a terminal of 80 columns."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from synthetic_series import axial, write_series

from biomarker_cli.cli import output
from biomarker_cli.cli.main import cli
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.wording import cut_in_middle


@pytest.fixture
def archive(tmp_path):
    write_series(tmp_path / "archive" / "A" / "ct", axial(0, 3, 6))
    return tmp_path / "archive"


def run(*arguments):
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_without_an_output_it_says_where_the_files_go(archive):
    done = run("init", archive)
    assert f"the study is written beside the data, to {archive}" in done.output
    assert f"next: biomarker run {archive / 'study.yaml'} --dry-run" in done.output


def test_with_an_output_the_data_stay_alone(archive, tmp_path):
    done = run("init", archive, "-o", tmp_path / "study", "--site-from", "{site}/*")
    assert "beside the data" not in done.output
    assert f"1 subject, 1 case in {tmp_path / 'study' / 'cases.csv'}" in done.output
    assert "\nA,S0001,T1,ct," in (tmp_path / "study" / "cases.csv").read_text()


def test_an_update_says_what_is_new(archive, tmp_path):
    run("init", archive, "-o", tmp_path / "study")
    write_series(
        archive / "B",
        axial(0, 3, 6),
        series="2",
        change=lambda _, d: d.update({"StudyInstanceUID": "1.2.3", "PatientID": "P9"}),
    )
    done = run("init", archive, "-o", tmp_path / "study", "--update")
    assert "1 new subject, 1 new case in" in done.output
    with pytest.raises(BiomarkerError, match="exists"):
        run("init", archive, "-o", tmp_path / "study")


def test_copies_are_named(archive, tmp_path):
    shutil.copytree(archive / "A", archive / "copy of A")
    done = run("init", archive, "-o", tmp_path / "study")
    assert "copies: " in done.output
    assert "is stored in A/ct and copy of A/ct: A/ct is taken" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "DATA"),
        ("check", "DATA", "--protocol", "recist-ct"),
        ("protocol", "list"),
        ("protocol", "list", "--all"),
    ],
)
def test_lists_fit_80_columns(tmp_path, monkeypatch, arguments):
    def change(_, dataset):
        dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498." + "1" * 38

    write_series(tmp_path / ("deep" * 20) / "ct", axial(0, 3, 6), change=change)
    monkeypatch.setattr(output, "_WIDTH_OF_A_PIPE", 80)
    done = run(*(tmp_path if word == "DATA" else word for word in arguments))
    # What is said of a rule is prose, which a terminal wraps.
    lines = [line for line in done.output.splitlines() if not line.startswith("  fix ")]
    prose = ("found", "why", "next", "a draft")
    assert lines
    for line in lines:
        if not line.strip().startswith(prose):
            assert cell_len(line.rstrip()) <= 80, line


def test_what_people_copy_from_a_list_is_whole(monkeypatch):
    monkeypatch.setattr(output, "_WIDTH_OF_A_PIPE", 80)
    done = run("protocol", "list", "--all")
    assert "qiba-small-lung-nodule@0.1.0" in done.output
    assert "ibsi-2-config-1-a@" in done.output


def test_every_version_stands_in_the_list_with_all(monkeypatch):
    assert "acr-ldct@1.0.0" not in run("protocol", "list").output
    assert "acr-ldct@1.1.0" in run("protocol", "list").output
    assert "acr-ldct@1.0.0" in run("protocol", "list", "--all").output


@pytest.mark.parametrize(
    ("text", "at_most", "short"),
    [
        ("1.2.3", 5, "1.2.3"),
        ("1.2.345", 6, "1..345"),
        ("1.2.826.0.1.3680043.8.498.123#12", 17, "1.2.8..498.123#12"),
        ("", 3, ""),
    ],
)
def test_a_uid_is_cut_in_its_middle_and_keeps_its_end(text, at_most, short):
    assert cut_in_middle(text, at_most) == short
    assert len(short) <= at_most

"""``biomarker export``, as a user runs it on the sample trial."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kept_runs import KeptCase, ball, kept_run
from pyarrow import parquet

from biomarker_cli.imaging.geometry import Geometry

MAX = "suvbw.uptake.max"


@pytest.fixture
def tables(sample_run, tmp_path):
    """A copy of the tables of the sample run, without its results."""
    folder = tmp_path / "run"
    folder.mkdir()
    for path in (*sample_run.glob("*.csv"), sample_run / "datapackage.json"):
        shutil.copy(path, folder)
    return folder


def _measured(folder):
    with (folder / "measurements.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_wide_table_of_the_sample_holds_every_value_that_may_be_pooled(
    biomarker, tables, tmp_path
):
    done = biomarker("export", "wide", tables, "-o", tmp_path / "wide.csv")
    assert done.returncode == 0, done.stderr
    assert "18 rows, 147 feature columns: 598 values\n254 values left out" in done.stdout
    wide = pd.read_csv(tmp_path / "wide.csv", dtype=str, keep_default_na=False)
    units = pd.read_csv(tmp_path / "wide.units.csv", dtype=str, keep_default_na=False)
    assert list(units.columns) == list(wide.columns)
    cells = wide.set_index(["case_id", "roi_id"])
    seen = 0
    for row in _measured(tables):
        column = f"{row['analysis_id']}:{row['feature_id']}"
        expected = row["value"] if row["usable"] != "no" else ""
        assert cells.loc[(row["case_id"], row["roi_id"]), column] == expected
        assert units[column][0] == row["unit"]
        seen += expected != ""
    assert seen == 598 == wide["n_values"].astype(int).sum()


def test_one_analysis_has_columns_of_its_features_alone(biomarker, tables, tmp_path):
    chosen = ("--analysis", "fdg-suv", "--usable", "all", "--format", "json")
    done = biomarker("export", "wide", tables, "-o", tmp_path / "pet.csv", *chosen)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "file": str(tmp_path / "pet.csv"),
        "units_file": str(tmp_path / "pet.units.csv"),
        "usable": "all",
        "rows": 6,
        "columns": 20,
        "values": 120,
        "left_out": 0,
        "absent": 0,
    }
    wide = pd.read_csv(tmp_path / "pet.csv")
    assert list(wide[MAX].round(3)) == [8.0, 2.0, 5.0, 2.0, 6.0, 2.0]
    assert set(wide["role"]) == {"pet"}
    assert set(wide.loc[wide["site_id"] == "CENTRE_B", "usable"]) == {"no"}


def test_nothing_is_overwritten_unasked_and_no_table_of_the_run_ever(biomarker, tables):
    assert biomarker("export", "wide", tables).returncode == 0
    assert {"wide.csv", "wide.units.csv"} <= set(_files(tables))
    first = (tables / "wide.csv").read_bytes()
    done = biomarker("export", "wide", tables)
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr
    assert biomarker("export", "wide", tables, "--overwrite").returncode == 0
    assert (tables / "wide.csv").read_bytes() == first
    (tables / "wide.csv").unlink()
    assert biomarker("export", "wide", tables).returncode == 2, "its units are there"
    before = (tables / "measurements.csv").read_bytes()
    done = biomarker("export", "wide", tables, "-o", tables / "measurements.csv", "--overwrite")
    assert done.returncode == 2
    assert "is a table of the run" in done.stderr
    assert (tables / "measurements.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "code", "exit_code"),
    [
        (("-o", "wide.xlsx"), "OUTPUT-FORMAT", 2),
        (("--analysis", "nope"), "NOTHING-FOUND", 3),
        (("--usable", "no"), "Invalid value", 2),
    ],
)
def test_what_cannot_be_exported_has_a_code(biomarker, tables, options, code, exit_code):
    done = biomarker("export", "wide", tables, *options)
    assert done.returncode == exit_code
    assert code in done.stderr
    assert "wide.csv" not in _files(tables)


@pytest.mark.parametrize("form", ["wide", "parquet"])
def test_a_run_that_was_edited_or_is_none_is_refused(biomarker, tables, tmp_path, form):
    out = tmp_path / ("out.csv" if form == "wide" else "out")
    done = biomarker("export", form, tmp_path, "-o", out)
    assert done.returncode == 3
    assert "TABLE-NOT-FOUND" in done.stderr
    path = tables / "features.csv"
    path.write_text(path.read_text().replace("Mean", "Moan"))
    done = biomarker("export", form, tables, "-o", out)
    assert done.returncode == 3
    assert "TABLE-CHANGED" in done.stderr
    assert not out.exists()


def test_every_table_becomes_parquet_and_is_compared_as_the_run_is(biomarker, tables, tmp_path):
    out = tmp_path / "parquet"
    done = biomarker("export", "parquet", tables, "-o", out, "--format", "json")
    assert done.returncode == 0, done.stderr
    told = {row["table"]: row["rows"] for row in json.loads(done.stdout)}
    assert _files(out) == [f"{name}.parquet" for name in sorted(told)]
    assert told["measurements"] == len(_measured(tables)) == 882
    for name in told:
        found = parquet.read_table(out / f"{name}.parquet")
        assert found.num_rows == told[name]
        with (tables / f"{name}.csv").open(newline="") as stream:
            assert found.schema.names == next(csv.reader(stream))
    one, other = out / "measurements.parquet", tables / "measurements.csv"
    assert biomarker("compare", one, other).returncode == 0
    done = biomarker("export", "parquet", tables, "-o", out)
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr
    assert biomarker("export", "parquet", tables, "-o", out, "--overwrite").returncode == 0


def test_without_pyarrow_the_export_says_what_to_install(tables, tmp_path):
    import subprocess

    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'pyarrow' else real(name, *a)\n"
        "from biomarker_cli.__main__ import main; main()"
    )
    arguments = ["export", "parquet", str(tables), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "OUTPUT-NO-PARQUET" in done.stderr
    assert not Path(tmp_path / "out").exists()


def test_the_joint_table_of_the_sample_holds_every_value_that_may_be_pooled(
    biomarker, tables, tmp_path
):
    done = biomarker("export", "joint", tables, "-o", tmp_path / "joint.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "12 rows, 147 value columns: 598 values\n"
    joint = pd.read_csv(tmp_path / "joint.csv", dtype=str, keep_default_na=False)
    assert len(joint) == 12
    gtv = joint[(joint["roi_id"] == "GTV") & (joint["timepoint"] == "T1")].iloc[0]
    assert (gtv["ct.status"], gtv["suvbw.status"], gtv["adc.status"]) == ("ok", "ok", "partial")
    measured = {(r["case_id"], r["feature_id"], r["roi_id"]): r for r in _measured(tables)}
    row = measured["CENTRE_A/S0001/T1/pet", MAX, "GTV"]
    assert gtv[MAX] == row["value"]
    again = biomarker("export", "joint", tables, "-o", tmp_path)
    assert again.returncode == 2
    assert "OUTPUT-EXISTS" in again.stderr
    other = biomarker("export", "joint", tables, "-o", tables / "cases.csv", "--overwrite")
    assert (other.returncode, "OUTPUT-EXISTS" in other.stderr) == (2, True)


def test_voxels_of_the_sample_are_joined_only_where_somebody_says_how(biomarker, tmp_path):
    grid = Geometry((6, 8, 10), (4.0, 4.0, 4.0))
    pet = KeptCase("A/S1/T1/pet", grid, {"GTV": ball(grid, (16, 12, 8), 9)}, modality="PT")
    pet.maps = {"suvbw": np.full(grid.shape, 3.0)}
    dwi = KeptCase("A/S1/T1/dwi", replace(grid, spacing_mm=(3.0, 3.0, 3.0)), modality="MR")
    dwi.maps = {"adc": np.full(grid.shape, 0.001)}
    run = kept_run(tmp_path / "run", [pet, dwi])
    command = ("export", "joint", run, "--voxels", "-o", tmp_path / "v.parquet")
    alone = biomarker(*command)
    assert alone.returncode == 6
    assert "REGISTRATION-NOT-NAMED" in alone.stderr
    assert "--registration none" in alone.stderr
    joined = biomarker(*command, "--registration", "none", "--overwrite", "--format", "json")
    assert joined.returncode == 0, joined.stderr
    assert json.loads(joined.stdout)["joined"] == 1
    table = parquet.read_table(tmp_path / "v.parquet").to_pandas()
    assert set(table["adc [mm2/s]"].dropna()) == {0.001}
    assert biomarker(*command, "--registration", "none").returncode == 2
    for wrong in (["--usable", "yes"], ["-o", tmp_path / "v.csv"]):
        assert biomarker(*command, "--overwrite", *wrong).returncode == 2
    assert biomarker("export", "joint", run, "--roi", "GTV").returncode == 2
    absent = biomarker(*command, "--overwrite", "--registration", tmp_path / "registration.csv")
    assert (absent.returncode, "TABLE-NOT-FOUND" in absent.stderr) == (3, True)

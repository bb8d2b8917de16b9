"""Raw tables of other programs beside our values on the IBSI digital phantom.

The counts are columns that mean the same feature, that are in another relation, and that
have no feature of ours; no row may be called a difference that is none.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.multicentre.comparison import ComparisonRequest, compare
from biomarker_cli.multicentre.dialects import load_dialect
from biomarker_cli.multicentre.verdicts import RowVerdict

pytestmark = pytest.mark.data

CHECKOUT = Path(__file__).resolve().parents[2]

TABLES = {
    "mirp": ("mirp_digital_*.csv", 471, 11, 22),
    "zrad": ("zrad_digital_*.csv", 471, 11, 0),
    "pysera": ("pysera_digital_Radiomics_Features.csv", 447, 35, 5),
    "pictologics": ("pictologics_digital_long.csv", 156, 13, 5),
    "pyradiomics": ("pyradiomics_digital.csv", 77, 28, 6),
}


@pytest.fixture(scope="module")
def raw(reference_dir):
    return reference_dir / "dialects" / "raw"


def _extract(image, mask, analysis, out):
    arguments = ("--image", image, "--mask", mask, "--analysis", analysis, "-o", out)
    subprocess.run(
        [sys.executable, "-m", "biomarker_cli", "extract", "radiomics", "--quantity", "signal"]
        + [str(argument) for argument in arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=True,
    )
    return out


@pytest.fixture(scope="module")
def digital(data_dir, tmp_path_factory):
    phantom = data_dir / "ibsi" / "digital_phantom"
    return _extract(
        phantom / "image" / "phantom.nii.gz",
        phantom / "mask" / "mask.nii.gz",
        "ibsi-1-digital",
        tmp_path_factory.mktemp("digital") / "out",
    )


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    """27 voxels of one value, on which many features have no value."""
    folder = tmp_path_factory.mktemp("constant")
    grid = Geometry((9, 9, 9), (2.0, 2.0, 2.0))
    mask = np.zeros(grid.shape, dtype=np.uint8)
    mask[3:6, 3:6, 3:6] = 1
    write_nifti(np.full(grid.shape, 5.0, dtype=np.float32), grid, folder / "image.nii.gz")
    write_nifti(mask, grid, folder / "mask.nii.gz")
    paths = (folder / "image.nii.gz", folder / "mask.nii.gz")
    return _extract(*paths, "ibsi-1-digital", folder / "out")


def _tables(raw, pattern, folder):
    for path in raw.glob(pattern):
        shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize("program", TABLES)
def test_the_counts_of_each_program_and_no_false_difference(digital, raw, tmp_path, program):
    pattern, same, relation, no_feature = TABLES[program]
    tables = _tables(raw, pattern, tmp_path)
    comparison = compare(ComparisonRequest(digital, tables, dialect=program))
    assert comparison.failures == {}
    count = {"same": same, "relation": relation, "no_feature": no_feature, "unknown": 0}
    assert comparison.translation.count() == count
    rows = comparison.rows.count()
    assert rows[RowVerdict.SAME] + rows[RowVerdict.WITHIN] == same
    assert rows[RowVerdict.RELATION] + rows[RowVerdict.NOT_JUDGED] == relation


@pytest.mark.parametrize("program", TABLES)
def test_our_columns_are_those_that_were_measured(reference_dir, program):
    """The mapping that was measured column by column, and the dialect that is shipped."""
    dialect = load_dialect(program)
    with (reference_dir / "dialects" / f"{program}.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            meanings = {m.feature_id: m for m in dialect.meanings.get(row["column"], ())}
            if row["feature_id"]:
                meaning = meanings[row["feature_id"]]
                assert (meaning.relation == "same") is (row["relation"] == "same")
            elif program != "pyradiomics":  # under its own conventions we measure more of them
                assert row["column"] in dialect.no_feature


@pytest.mark.parametrize("program", ["mirp", "zrad"])
def test_our_columns_of_pet_are_those_that_were_measured(reference_dir, program):
    meanings = load_dialect(program).meanings
    with (reference_dir / "dialects" / f"{program}_suv.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["feature_id"].startswith("suvbw.")]
    assert len(rows) == 8
    relations = {"same": {"same"}, "variance_n_minus_1": {"n_for_n_minus_1", "variance_for_sd"}}
    for row in rows:
        found = {m.feature_id: m.relation for m in meanings[row["column"]]}
        assert found[row["feature_id"]] in relations[row["relation"]]


def test_the_wide_table_of_pictologics_says_the_same(digital, raw):
    table = raw / "pictologics_digital_wide.csv"
    comparison = compare(ComparisonRequest(digital, table, dialect="pictologics"))
    assert comparison.failures == {}
    assert comparison.translation.count()["same"] == 156


def test_a_value_that_another_program_has_wrong_is_found(digital, raw, tmp_path):
    text = (raw / "pictologics_digital_long.csv").read_text()
    assert "mean_intensity_Q4LE,2.1486486486486487" in text
    table = tmp_path / "wrong.csv"
    table.write_text(text.replace("mean_intensity_Q4LE,2.1486", "mean_intensity_Q4LE,2.1487"))
    comparison = compare(ComparisonRequest(digital, table, dialect="pictologics"))
    assert comparison.failures == {"differs": 1}
    (place,) = comparison.rows.places_of(RowVerdict.DIFFERS)
    assert comparison.rows.text("feature_id", int(place)) == "original.intensity.mean"


@pytest.mark.parametrize(
    ("program", "pattern", "left"),
    [
        # MIRP writes the highest level + 1 for an IVH that has one intensity.
        ("mirp", "mirp_constant_*.csv", {"original.ivh.i10", "original.ivh.i90"}),
        ("pyradiomics", "pyradiomics_constant.csv", set()),
    ],
)
def test_what_stands_for_an_undefined_value_is_no_difference(
    constant, raw, tmp_path, program, pattern, left
):
    tables = _tables(raw, pattern, tmp_path)
    comparison = compare(ComparisonRequest(constant, tables, dialect=program))
    rows = comparison.rows
    found = {rows.text("feature_id", int(p)) for p in rows.places_of(RowVerdict.DIFFERS)}
    assert found == left
    relations = [rows.of_b("relation", int(p)) for p in rows.places_of(RowVerdict.RELATION)]
    assert relations.count("undefined") >= 9


def test_another_mask_is_other_input(digital, raw, tmp_path):
    tables = _tables(raw, "mirp_constant_*.csv", tmp_path)
    comparison = compare(ComparisonRequest(digital, tables, dialect="mirp"))
    assert comparison.verdict == "other_input"
    assert {m.column for m in comparison.translation.masks} == {"morph_vol_approx"}


def test_pyradiomics_is_compared_strictly_with_an_analysis_of_its_conventions(data_dir, tmp_path):
    radiomics = pytest.importorskip("radiomics.featureextractor")
    phantom = data_dir / "ibsi" / "digital_phantom"
    image, mask = phantom / "image" / "phantom.nii.gz", phantom / "mask" / "mask.nii.gz"
    ours = _extract(image, mask, "pyradiomics-default", tmp_path / "out")
    values = radiomics.RadiomicsFeatureExtractor().execute(str(image), str(mask))
    cells = {"Image": "phantom", "Mask": "mask", **{k: str(v) for k, v in values.items()}}
    with (tmp_path / "theirs.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    comparison = compare(ComparisonRequest(ours, tmp_path / "theirs.csv", dialect="pyradiomics"))
    assert comparison.failures == {}
    assert comparison.translation.count() == {
        "same": 107,
        "relation": 0,
        "no_feature": 0,
        "unknown": 0,
    }

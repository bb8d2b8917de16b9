"""``ibsi_benchmarked`` is said of what published IBSI values hold, and of nothing else."""

import csv

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.describing import is_ibsi_benchmarked
from biomarker_cli.radiomics.features import RADIOMICS
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

ALL = [
    *("2d_average", "2d_slice_merged", "2.5d_merged_by_direction", "2.5d_merged"),
    *("3d_average", "3d_merged", "2d", "2.5d", "3d"),
]


def rows_of(ident, **changes):
    document = load_document(ProtocolKind.ANALYSIS, ident)
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    rules = RadiomicsRules.model_validate({**data, **changes})
    shape = (5, 9, 9)
    geometry = Geometry(shape, (1.0, 1.0, 1.0))
    array = np.random.default_rng(8).normal(0, 50, shape).round()
    mask = np.zeros(shape, bool)
    mask[1:4, 2:7, 2:7] = True
    region = Region(mask, geometry, "x", "x")
    rows = radiomics_measurements(Volume(array, geometry, HU), [region], rules)["x"]
    return rules, rows


@pytest.mark.data
def test_benchmarked_rows_are_exactly_those_of_the_reference_table(reference_dir):
    with (reference_dir / "ibsi1_reference_values.csv").open() as table:
        published = {(row["ibsi_id"], row["aggregation"]) for row in csv.DictReader(table)}
    rules, rows = rows_of("radiomics-ct", aggregations=ALL)
    found = [
        (row.definition.ibsi_id, row.definition.aggregation)
        for row in rows
        if is_ibsi_benchmarked(rules, row)
    ]
    assert len(found) == len(set(found)) == 482
    assert set(found) == published
    registered = [(d.ibsi_id, d.aggregation) for d in RADIOMICS if d.ibsi_id]
    assert sorted(registered) == sorted(published)


def test_texture_of_filtered_images_is_not_benchmarked_but_their_statistics_are():
    images = [{"filter": "none"}, {"filter": "mean", "support_voxels": 3, "boundary": "mirror"}]
    rules, rows = rows_of("radiomics-ct", images=images)
    said = {(row.image, row.definition.family): is_ibsi_benchmarked(rules, row) for row in rows}
    assert said["mean-3", "intensity"]
    assert said["original", "glcm"]
    assert not said["mean-3", "glcm"]
    assert not said["mean-3", "intensity_histogram"]


def test_statistics_of_riesz_transforms_are_not_benchmarked():
    log = {"filter": "log", "sigma_mm": [2], "truncation": 4, "boundary": "mirror"}
    images = [
        {"filter": "none"},
        log,
        {**log, "filter": "riesz_log", "order": [1, 0, 0]},
        {"filter": "riesz_simoncelli", "level": 1, "boundary": "periodic", "order": [0, 2, 0]},
    ]
    rules, rows = rows_of("radiomics-ct", images=images)
    assert all(row.value is not None for row in rows if row.definition.family == "intensity")
    said = {row.image for row in rows if is_ibsi_benchmarked(rules, row)}
    assert said == {"original", "log-sigma-2-0-mm"}
    assert {row.image for row in rows} - said == {
        "log-sigma-2-0-mm-riesz-1-0-0",
        "simoncelli-1-riesz-0-2-0",
    }


def test_values_by_the_conventions_of_pyradiomics_are_not_benchmarked():
    rules, rows = rows_of("pyradiomics-default")
    assert rows
    assert not any(is_ibsi_benchmarked(rules, row) for row in rows)

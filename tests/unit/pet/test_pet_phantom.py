"""A synthetic NEMA phantom: spheres found, calibration and recovery as they were made."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from synthetic_pet import HALF_LIFE_S, pet_header, pet_volume

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.measured import load_measured
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.cli.suv_explain import suv_explain
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import STORED_PET
from biomarker_cli.pet.errors import PhantomError
from biomarker_cli.pet.harmonisation import gaussian
from biomarker_cli.pet.overrides import load_overrides
from biomarker_cli.pet.phantom import find_spheres, measure_phantom
from biomarker_cli.pet.phantom_sheet import (
    NEMA_DIAMETERS_MM,
    RECOVERY_LIMITS,
    RING_RADIUS_MM,
    Filling,
    PhantomSheet,
    load_phantom_sheet,
    true_bqml,
)

SHAPE = (32, 75, 75)
SPACING = (4.0, 4.0, 4.0)
CENTRE = np.array([150.0, 145.0, 62.0])
BACKGROUND, RATIO = 2000.0, 10.0

SHEET = """\
format: biomarker-phantom/1
id: synthetic
standard: earl-1
clock_offset_s: 60
background:
  activity_mbq: 20.5
  assayed: 2025-01-01T09:30:00
  residual_mbq: 0.5
  residual_assayed: 2025-01-01T09:40:00
  volume_ml: 9700
spheres:
  activity_mbq: 20.2
  assayed: 2025-01-01T09:35:00
  residual_mbq: 0.2
  residual_assayed: 2025-01-01T09:45:00
  volume_ml: 1000
"""


def centres(angle=0.3, mirrored=False, centre=CENTRE):
    turn = -1 if mirrored else 1
    steps = angle + turn * np.arange(6) * math.pi / 3
    offsets = RING_RADIUS_MM * np.stack([np.cos(steps), np.sin(steps), 0 * steps], axis=1)
    return centre + offsets


def phantom(truth_background=BACKGROUND, ratio=RATIO, fwhm_mm=0.0, **place):
    """Bq/ml on a grid, each voxel the mean of 3 x 3 x 3 points; [z, y, x]."""
    n = 3
    axes = [
        (np.arange(size * n) + 0.5) * step / n - step / 2
        for size, step in zip(SHAPE, reversed(SPACING), strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    body = ((x - CENTRE[0]) / 140) ** 2 + ((y - CENTRE[1]) / 110) ** 2 <= 1
    array = np.where(body, truth_background, 0.0) * np.ones_like(z)
    lung = (x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2 <= 22.5**2
    array = np.where(lung, 0.0, array)
    for diameter, (cx, cy, cz) in zip(NEMA_DIAMETERS_MM, centres(**place), strict=True):
        inside = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= (diameter / 2) ** 2
        array[inside] = ratio * truth_background
    coarse = array.reshape(SHAPE[0], n, SHAPE[1], n, SHAPE[2], n).mean(axis=(1, 3, 5))
    if fwhm_mm:
        coarse = gaussian(coarse, Geometry(SHAPE, SPACING), fwhm_mm)
    return coarse


@pytest.fixture(scope="module")
def blurred():
    return phantom(fwhm_mm=7.0)


def sheet(**changes):
    """Truth is 2000 and 20000 Bq/ml at the reference of the series, 11:00."""
    at = datetime(2025, 1, 1, 11)

    def filling(bqml):
        return Filling(
            activity_mbq=bqml / 1e6 * 1000,
            assayed=at,
            residual_mbq=0,
            residual_assayed=at,
            volume_ml=1000,
        )

    values = {
        "format": "biomarker-phantom/1",
        "standard": "earl-1",
        "background": filling(BACKGROUND),
        "spheres": filling(RATIO * BACKGROUND),
        "clock_offset_s": 0,
        **changes,
    }
    return PhantomSheet(**values)


def volume_of(array):
    header = pet_volume((1.0,) * array.shape[0], CorrectedImage=["ATTN", "DECY", "SCAT"])
    return Volume(array, Geometry(array.shape, SPACING), STORED_PET, header.frames)


@pytest.mark.parametrize(
    "place",
    [{}, {"angle": 2.0}, {"mirrored": True}, {"centre": CENTRE + np.array([1.3, -1.9, 6.1])}],
)
def test_spheres_are_found_wherever_they_are_turned_to(place):
    array = phantom(fwhm_mm=6.0, **place)
    spheres = find_spheres(array, Geometry(SHAPE, SPACING), BACKGROUND, NEMA_DIAMETERS_MM)
    assert [s.diameter_mm for s in spheres] == list(NEMA_DIAMETERS_MM)
    found = np.array([s.centre_mm for s in spheres])
    assert np.linalg.norm(found - centres(**place), axis=1).max() < 1.0


def test_recovery_and_calibration(blurred):
    report = measure_phantom(volume_of(blurred), sheet())
    rows = {(r["quantity"], r["sphere_mm"]): r for r in report.rows}
    calibration = rows["calibration", None]
    assert calibration["value"] == pytest.approx(1.0, abs=1e-3)
    assert calibration["outcome"] == "pass"
    # A large sphere recovers its maximum; smaller ones lose it, in order.
    maxima = [rows["recovery_max", d]["value"] for d in NEMA_DIAMETERS_MM]
    assert maxima[-1] == pytest.approx(1.0, abs=0.005)
    assert maxima == sorted(maxima)
    for diameter in NEMA_DIAMETERS_MM:
        peak = rows["recovery_peak", diameter]
        assert peak["outcome"] == "not_judged"
        assert peak["low"] is None
        assert peak["value"] <= rows["recovery_max", diameter]["value"]
    assert len(report.rows) == 1 + 6 * 3


def test_maximum_of_a_blurred_sphere_is_that_of_the_convolution():
    """Closed form at the centre: erf(a) - 2 a exp(-a^2) / sqrt(pi), a = R / (sqrt(2) sigma)."""
    array = phantom(fwhm_mm=8.0, angle=0.0, centre=np.array([148.0, 144.0, 64.0]))
    report = measure_phantom(volume_of(array), sheet())
    rows = {(r["quantity"], r["sphere_mm"]): r for r in report.rows}
    sigma = 8.0 / math.sqrt(8 * math.log(2))
    for diameter in (22.0, 28.0, 37.0):
        a = diameter / 2 / (math.sqrt(2) * sigma)
        share = math.erf(a) - 2 * a * math.exp(-a * a) / math.sqrt(math.pi)
        expected = (1 + (RATIO - 1) * share) / RATIO
        assert rows["recovery_max", diameter]["value"] == pytest.approx(expected, abs=0.02)


def test_limits_of_the_first_standard_judge(blurred):
    """An image without blur recovers everything: above the band of standard 1."""
    report = measure_phantom(volume_of(phantom()), sheet())
    small = next(
        r for r in report.rows if r["quantity"] == "recovery_max" and r["sphere_mm"] == 10.0
    )
    assert small["outcome"] == "fail"
    assert (small["low"], small["high"]) == (0.34, 0.57)
    assert report.has_failed


def test_an_image_without_decay_correction_is_brought_to_one_moment(blurred):
    """Every frame has decayed since the first began; the truth is told for that moment."""
    spacing_s, duration_s = 120.0, 100.0

    def change(dataset, index):
        seconds = int(spacing_s * index)
        clock = f"{11 + seconds // 3600:02d}{seconds % 3600 // 60:02d}{seconds % 60:02d}"
        dataset.AcquisitionTime, dataset.ActualFrameDuration = clock, str(int(1000 * duration_s))

    header = pet_volume(
        (1.0,) * SHAPE[0], change, DecayCorrection="NONE", CorrectedImage=["ATTN", "SCAT"]
    )
    decay = math.log(2) / HALF_LIFE_S
    mean = -math.expm1(-decay * duration_s) / (decay * duration_s)
    held = mean * np.exp(-decay * spacing_s * np.arange(SHAPE[0]))
    array = blurred * held[:, None, None]
    report = measure_phantom(
        Volume(array, Geometry(SHAPE, SPACING), STORED_PET, header.frames), sheet()
    )
    assert report.rows[0]["value"] == pytest.approx(1.0, abs=1e-3)
    assert report.reference_time == "2025-01-01T11:00:00"


def test_every_row_says_what_was_measured_what_is_true_and_where(blurred):
    report = measure_phantom(volume_of(blurred), sheet())
    names = "quantity sphere_mm value low high outcome measured_bqml true_bqml x_mm y_mm z_mm"
    assert all(list(row) == names.split() for row in report.rows)
    calibration, *recovery = report.rows
    assert calibration["true_bqml"] == pytest.approx(BACKGROUND, rel=1e-12)
    assert calibration["measured_bqml"] == pytest.approx(BACKGROUND, rel=1e-3)
    places = dict(zip(NEMA_DIAMETERS_MM, centres(), strict=True))
    for row in recovery:
        assert row["true_bqml"] == pytest.approx(RATIO * BACKGROUND, rel=1e-12)
        assert row["value"] == pytest.approx(row["measured_bqml"] / row["true_bqml"])
        found = [row["x_mm"], row["y_mm"], row["z_mm"]]
        assert found == pytest.approx(places[row["sphere_mm"]].tolist(), abs=1.0)


def test_the_background_keeps_away_from_wall_spheres_and_lung_insert():
    """In an image that is not uniform, its mean is that of the voxels between them alone."""
    z, y, x = np.meshgrid(*(4.0 * np.arange(n) for n in SHAPE), indexing="ij", sparse=True)
    slope = 1 + 0.002 * np.abs(x - CENTRE[0]) + 0.001 * np.abs(y - CENTRE[1])
    array = phantom() * (slope + 0.0 * z)
    report = measure_phantom(volume_of(array), sheet(standard="none"))
    from_axis = np.hypot(x - CENTRE[0], y - CENTRE[1])
    region = (from_axis > 45) & (np.abs(z - CENTRE[2]) <= 30)
    for diameter, (cx, cy, cz) in zip(NEMA_DIAMETERS_MM, centres(), strict=True):
        region &= np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) > diameter / 2 + 20
    turn = np.linspace(0, 2 * math.pi, 720)
    wall = np.array([140 * np.cos(turn), 110 * np.sin(turn)])
    inside = ((x - CENTRE[0]) / 140) ** 2 + ((y - CENTRE[1]) / 110) ** 2 <= 1
    to_wall = np.hypot(
        (x - CENTRE[0])[..., None] - wall[0], (y - CENTRE[1])[..., None] - wall[1]
    ).min(axis=-1)
    region &= inside & (to_wall > 20)
    assert report.rows[0]["measured_bqml"] == pytest.approx(array[region].mean(), rel=5e-3)


def test_a_sphere_is_told_by_its_excess_not_by_its_size():
    """A faint area of many voxels is no sphere beside a small one that is hot."""
    array = phantom(fwhm_mm=6.0)
    array[2:6, 30:34, 18:22] = 1.6 * BACKGROUND
    spheres = find_spheres(array, Geometry(SHAPE, SPACING), BACKGROUND, NEMA_DIAMETERS_MM)
    found = np.array([s.centre_mm for s in spheres])
    assert np.linalg.norm(found - centres(), axis=1).max() < 1.0


def test_spheres_a_little_off_their_places_on_the_ring_are_taken():
    turned = 0.3 + np.arange(6) * math.pi / 3 + 0.07 * np.array([1, -1, 1, -1, 1, -1])
    z, y, x = np.meshgrid(*(4.0 * np.arange(n) for n in SHAPE), indexing="ij", sparse=True)
    array = np.where(phantom(ratio=1.0) > 0, BACKGROUND, 0.0)
    at = CENTRE + RING_RADIUS_MM * np.stack([np.cos(turned), np.sin(turned), 0 * turned], axis=1)
    for diameter, (cx, cy, cz) in zip(NEMA_DIAMETERS_MM, at, strict=True):
        distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)
        array[distance <= diameter / 2] = RATIO * BACKGROUND
    spheres = find_spheres(array, Geometry(SHAPE, SPACING), BACKGROUND, NEMA_DIAMETERS_MM)
    found = np.array([s.centre_mm for s in spheres])
    assert np.linalg.norm(found - at, axis=1).max() < 2.0


def test_limits_known_by_recall_judge_nothing(blurred):
    report = measure_phantom(volume_of(blurred), sheet(standard="earl-2"))
    judged = {r["outcome"] for r in report.rows if r["quantity"] != "calibration"}
    assert judged == {"not_judged"}
    assert any(r["high"] == 1.29 for r in report.rows)


def test_a_calibration_off_by_more_than_ten_percent_fails(blurred):
    report = measure_phantom(volume_of(blurred * 1.12), sheet())
    assert report.rows[0]["outcome"] == "fail"
    assert report.rows[0]["value"] == pytest.approx(1.12, abs=2e-3)


def test_the_sheet_is_decayed_to_the_reference_in_the_scanners_clock(tmp_path):
    path = tmp_path / "sheet.yaml"
    path.write_text(SHEET)
    read = load_phantom_sheet(path)
    at = datetime(2025, 1, 1, 11)
    # The scanner is a minute ahead: its 11:00 is 10:59 of the sheet.
    net = 20.5 * 2 ** (-89 * 60 / HALF_LIFE_S) - 0.5 * 2 ** (-79 * 60 / HALF_LIFE_S)
    found = true_bqml(read.background, at, HALF_LIFE_S, read.clock_offset_s)
    assert found == pytest.approx(net * 1e6 / 9700, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        SHEET.replace("standard: earl-1", "standard: earl-9"),
        SHEET.replace("clock_offset_s: 60\n", ""),
        SHEET.replace("residual_mbq: 0.5", "residual_mbq: -1"),
        SHEET.replace("09:30:00", "09:30:00+01:00"),
    ],
)
def test_an_incomplete_sheet_is_refused(tmp_path, text):
    path = tmp_path / "sheet.yaml"
    path.write_text(text)
    with pytest.raises(PhantomError) as caught:
        load_phantom_sheet(path)
    assert caught.value.code == "PHANTOM-SHEET"


def test_a_residual_larger_than_the_activity_is_refused():
    at = datetime(2025, 1, 1)
    filling = Filling(activity_mbq=1, assayed=at, residual_mbq=2, residual_assayed=at, volume_ml=1)
    with pytest.raises(PhantomError):
        true_bqml(filling, at, HALF_LIFE_S)


def test_an_image_without_spheres_is_refused():
    array = phantom(ratio=1.0)
    with pytest.raises(PhantomError) as caught:
        measure_phantom(volume_of(array), sheet())
    assert caught.value.code == "PHANTOM-SPHERES"
    with pytest.raises(PhantomError) as caught:
        measure_phantom(volume_of(np.zeros(SHAPE)), sheet())
    assert caught.value.code == "PHANTOM-BACKGROUND"


def test_hot_spots_that_are_no_ring_are_refused():
    spilled = phantom()
    spilled[25:28, 36:39, 20:23] = 90000.0
    with pytest.raises(PhantomError, match=r"along the axis|off the ring"):
        measure_phantom(volume_of(spilled), sheet())


def test_published_limits_are_bands_for_every_sphere():
    for (_, quantity), bands in RECOVERY_LIMITS.items():
        assert set(bands) == set(NEMA_DIAMETERS_MM), quantity
        assert all(band.low < band.high for band in bands.values())


def write_series(folder, array):
    """Write the image as a PET series."""
    for index, plane in enumerate(array):
        dataset = pet_header(CorrectedImage=["ATTN", "DECY", "SCAT"])
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.SOPInstanceUID = f"1.2.3.4.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.ImagePositionPatient = [0.0, 0.0, SPACING[2] * index]
        dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        dataset.PixelSpacing, dataset.SliceThickness = list(SPACING[:2]), SPACING[2]
        dataset.Rows, dataset.Columns = plane.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.PixelData = np.rint(plane).astype("<u2").tobytes()
        dataset.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)


def test_the_command_prints_rows_and_says_that_a_limit_is_broken(tmp_path, blurred):
    write_series(tmp_path, blurred)
    (tmp_path / "sheet.yaml").write_text(SHEET)  # its concentrations are not those of the image
    done = CliRunner().invoke(
        suv_explain,
        [str(tmp_path), "--phantom", str(tmp_path / "sheet.yaml"), "--format", "json"],
        standalone_mode=False,
    )
    assert done.return_value == 4
    report = json.loads(done.output)
    assert report["reference_time"] == "2025-01-01T11:00:00"
    assert len(report["rows"]) == 19
    assert report["rows"][0]["outcome"] == "fail"


def test_what_the_command_writes_is_what_a_check_takes(tmp_path, blurred):
    (tmp_path / "pet").mkdir()
    write_series(tmp_path / "pet", blurred)
    (tmp_path / "sheet.yaml").write_text(SHEET)
    table = tmp_path / "recovery.csv"
    arguments = [str(tmp_path / "pet"), "--phantom", str(tmp_path / "sheet.yaml")]
    CliRunner().invoke(suv_explain, [*arguments, "-o", str(table)], standalone_mode=False)
    rows = {row.fact: row for row in load_measured(table)}
    assert len(rows) == 13
    series = series_headers(scan([tmp_path / "pet"]))
    results = evaluate(load_acquisition("earl-1-phantom"), series, measured=list(rows.values()))
    judged = {r.rule_id: r for r in results}
    assert judged["EARL1-RC-MAX-10"].outcome in {"pass", "fail"}
    assert judged["EARL1-CALIBRATION"].outcome == "fail"
    assert "sheet.yaml" in judged["EARL1-CALIBRATION"].tags


def test_the_examples_of_the_documentation_are_read(tmp_path):
    page = (Path(__file__).resolve().parents[3] / "docs" / "pet.md").read_text()
    overrides, sheet_text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "a.yaml").write_text(overrides)
    (tmp_path / "b.yaml").write_text(sheet_text)
    assert load_overrides(tmp_path / "a.yaml")[0].tag == "PatientWeight"
    assert load_phantom_sheet(tmp_path / "b.yaml").standard == "earl-1"

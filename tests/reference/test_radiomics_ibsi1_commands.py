"""IBSI chapter 1 through the command line: DICOM with RTSTRUCT, and NIfTI."""

import csv
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from synthetic_segmentations import Roi, structure_set
from synthetic_series import axial, uid, write_series

pytestmark = pytest.mark.data

PHANTOM = "ibsi/ct_phantom"
DIGITAL = "ibsi/digital_phantom"


@dataclass(frozen=True)
class Run:
    """One call of the command: which values, and from what."""

    config: str
    image: str
    mask: str
    options: tuple[str, ...] = ()

    @property
    def analysis(self):
        name = self.config.lower()
        return "ibsi-1-digital" if name == "digital" else f"ibsi-1-config-{name}"


HU = ("--quantity", "hu")
CT_DICOM = (f"{PHANTOM}/dicom/image", f"{PHANTOM}/dicom/mask/DCM_RS_00060.dcm")
CT_NIFTI = (f"{PHANTOM}/nifti/image/phantom.nii.gz", f"{PHANTOM}/nifti/mask/mask.nii.gz", HU)
RUNS = {
    **{f"dicom-{c}": Run(c, *CT_DICOM) for c in "ABCDE"},
    **{f"nifti-{c}": Run(c, *CT_NIFTI) for c in "ABCDE"},
    "nifti-digital": Run(
        "digital",
        f"{DIGITAL}/image/phantom.nii.gz",
        f"{DIGITAL}/mask/mask.nii.gz",
        ("--quantity", "signal"),
    ),
}


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def values_of(run, image, mask, folder):
    """Return the values of a call by (ibsi_id, aggregation)."""
    command = [sys.executable, "-m", "biomarker_cli", "extract", "radiomics", *run.options]
    command += ["--image", str(image), "--mask", str(mask)]
    command += ["--analysis", run.analysis, "-o", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    features = {row["feature_id"]: row for row in table(folder / "features.csv")}
    assert {row["ibsi_benchmarked"] for row in features.values()} == {"true"}
    rows = table(folder / "measurements.csv")
    found = {}
    for row in rows:
        feature = features[row["feature_id"]]
        found[feature["ibsi_id"], feature["aggregation"]] = row["value"]
    assert len(found) == len(rows), "one row per (ibsi_id, aggregation)"
    return found


def check(found, config, reference_dir):
    wanted = [
        row
        for row in table(reference_dir / "ibsi1_reference_values.csv")
        if row["config"] == config
    ]
    assert len(wanted) == len({(r["ibsi_id"], r["aggregation"]) for r in wanted})
    off = []
    for row in wanted:
        value = float(f"{float(found[row['ibsi_id'], row['aggregation']]):.3g}")
        published = float(row["value"])
        if abs(value - published) > float(row["tolerance"]) + 1e-12 * abs(published):
            off.append((row["tag"], value, published))
    assert not off
    return len(wanted)


@pytest.mark.parametrize("run", RUNS)
def test_extract_gives_every_value(run, data_dir, reference_dir, tmp_path):
    chosen = RUNS[run]
    found = values_of(chosen, data_dir / chosen.image, data_dir / chosen.mask, tmp_path / "o")
    check(found, chosen.config, reference_dir)


def outlines(plane):
    """Return closed loops (row, column) along the edges of the voxels inside, shape (n, 2)."""
    padded = np.pad(plane, 1)
    following = {}
    for row, column in np.argwhere(padded):
        # The inside stays on the right of each edge.
        corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        beyond = [(row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)]
        for side, neighbour in enumerate(beyond):
            if not padded[neighbour]:
                following[corners[side]] = corners[(side + 1) % 4]
    loops = []
    while following:
        start, point = following.popitem()
        loop = [start]
        while point != start:
            loop.append(point)
            point = following.pop(point)
        # The padding and half a voxel, back to the indices of the plane.
        loops.append(np.array(loop) - 1.5)
    return loops


def test_the_outlines_of_a_ring_are_two_loops():
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert sorted(len(loop) for loop in outlines(ring)) == [4, 12]


@pytest.fixture
def digital_phantom_as_dicom(data_dir, tmp_path):
    """Write the digital phantom, which is published as NIfTI, as CT slices and contours."""
    import nibabel

    folder = data_dir / DIGITAL
    array = np.asarray(nibabel.load(folder / "image" / "phantom.nii.gz").dataobj).T
    mask = np.asarray(nibabel.load(folder / "mask" / "mask.nii.gz").dataobj).T > 0

    def change(index, dataset):
        dataset.PixelSpacing = [2.0, 2.0]
        dataset.SliceThickness = 2.0
        dataset.RescaleIntercept = 0
        dataset.PixelData = array[index].astype("<i2").tobytes()

    places = axial(*(2.0 * index for index in range(len(array))))
    write_series(tmp_path / "ct", places, change=change, rows=4, columns=5)
    contours = []
    for plane, (x, y, z) in zip(mask, places, strict=True):
        for loop in outlines(plane):
            rows, columns = loop.T
            points = np.column_stack([x + 2 * columns, y + 2 * rows, np.full(len(loop), z)])
            contours.append(("CLOSED_PLANAR", points))
    assert len(contours) == len(mask) + 1, "one slice has a hole"
    roi = Roi("GTV-1", contours)
    contour_file = structure_set([roi], referenced_series=[uid("series", "1")])
    contour_file.PatientID = "P1"
    contour_file.save_as(tmp_path / "rtstruct.dcm", enforce_file_format=True)
    return tmp_path / "ct", tmp_path / "rtstruct.dcm"


def test_the_digital_phantom_from_dicom_and_rtstruct(
    digital_phantom_as_dicom, reference_dir, tmp_path
):
    image, mask = digital_phantom_as_dicom
    found = values_of(Run("digital", "", ""), image, mask, tmp_path / "o")
    assert check(found, "digital", reference_dir) == 482

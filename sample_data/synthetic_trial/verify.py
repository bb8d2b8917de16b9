"""Re-read the written files and hold them against truth.csv.

Nothing of the phantom is used: masks come from the segmentation files and
numbers from the image headers, by the textbook formulas.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_CANONICAL = {"GTV-1": "GTV", "gtv_primary": "GTV", "Node": "NODE", "LN": "NODE"}
_MAX_REFERENCE_SPREAD_S = 0.01


@dataclass(frozen=True)
class Deviation:
    """One row of truth.csv and what the files give for it."""

    case_id: str
    roi_id: str
    feature_id: str
    truth: float
    measured: float
    tolerance_abs: float

    @property
    def ok(self) -> bool:
        """Whether the measured value lies within the tolerance."""
        return abs(self.measured - self.truth) <= self.tolerance_abs


def _load(folder: Path) -> list[Dataset]:
    """Return the instances of a folder, by z and then by b-value."""
    instances = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    return sorted(
        instances,
        key=lambda ds: (float(ds.get("DiffusionBValue", 0.0)), float(ds.ImagePositionPatient[2])),
    )


def _rescaled(instances: list[Dataset]) -> Floats:
    """Return stored values times slope plus intercept, each slice with its own."""
    slices = [
        ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
        for ds in instances
    ]
    return np.stack(slices).astype(np.float64)


def _planes(instances: list[Dataset]) -> tuple[Floats, Floats, Floats]:
    """Return the patient coordinates x, y, z in mm of columns, rows and slices."""
    first = instances[0]
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    x0, y0, _ = (float(v) for v in first.ImagePositionPatient)
    x = x0 + column_mm * np.arange(first.Columns)
    y = y0 + row_mm * np.arange(first.Rows)
    z = np.array([float(ds.ImagePositionPatient[2]) for ds in instances])
    return x, y, z


def _in_polygon(points: Floats, x: Floats, y: Floats) -> Mask:
    """Return the voxel centres inside a polygon of shape (n, 2), by even-odd."""
    grid_x, grid_y = np.meshgrid(x, y)
    odd = np.zeros(grid_x.shape, dtype=bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (y1 > grid_y) != (y2 > grid_y)
        if crosses.any():
            odd ^= crosses & (grid_x < x1 + (grid_y - y1) * (x2 - x1) / (y2 - y1))
    return odd


def _rtstruct_masks(path: Path, instances: list[Dataset]) -> dict[str, Mask]:
    """Return the masks of the lesions of a structure set."""
    structures = pydicom.dcmread(path)
    names = {s.ROINumber: str(s.ROIName) for s in structures.StructureSetROISequence}
    x, y, z = _planes(instances)
    masks: dict[str, Mask] = {}
    for group in structures.ROIContourSequence:
        roi_id = _CANONICAL.get(names[group.ReferencedROINumber])
        if roi_id is None:
            continue
        mask = np.zeros((len(z), len(y), len(x)), dtype=bool)
        for contour in group.ContourSequence:
            points = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
            k = int(np.abs(z - points[0, 2]).argmin())
            mask[k] |= _in_polygon(points[:, :2], x, y)
        masks[roi_id] = mask
    return masks


def _ct_masks(folder: Path, instances: list[Dataset]) -> dict[str, Mask]:
    """Return the masks of a CT: of a structure set in the trial, of a SEG in the response."""
    contours = folder / "rtstruct.dcm"
    if contours.is_file():
        return _rtstruct_masks(contours, instances)
    return _seg_masks(folder / "seg.dcm", instances)


def _seg_masks(path: Path, instances: list[Dataset]) -> dict[str, Mask]:
    """Return the masks of the segments of a DICOM SEG."""
    seg = pydicom.dcmread(path)
    labels = {s.SegmentNumber: str(s.SegmentLabel) for s in seg.SegmentSequence}
    z = _planes(instances)[2]
    shape = (len(z), int(seg.Rows), int(seg.Columns))
    masks = {label: np.zeros(shape, dtype=bool) for label in labels.values()}
    frames = zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True)
    for groups, pixels in frames:
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        k = int(np.abs(z - float(position[2])).argmin())
        masks[labels[number]][k] |= pixels > 0
    return masks


def label_masks(path: Path, instances: list[Dataset]) -> dict[str, Mask]:
    """Return the masks of a NIfTI label map, found voxel by voxel through its affine."""
    image: Any = nib.load(path)
    labels = np.asarray(image.dataobj)
    x, y, z = _planes(instances)
    zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
    world = np.stack([-xx, -yy, zz, np.ones_like(xx)])
    index = np.rint(np.tensordot(np.linalg.inv(image.affine), world, axes=1)).astype(int)
    values = labels[index[0], index[1], index[2]]
    sidecar = path.with_name(path.name.removesuffix(".nii.gz") + ".labels.csv")
    with sidecar.open(encoding="utf-8", newline="") as handle:
        return {row["name"]: values == int(row["value"]) for row in csv.DictReader(handle)}


def _moment(date: str, clock: str) -> datetime:
    return datetime.strptime(f"{date}{clock}", "%Y%m%d%H%M%S")


def _decay_reference(instances: list[Dataset], rate: float) -> datetime:
    """Return the decay reference, having seen that all ways to it agree."""
    first = instances[0]
    start = _moment(first.SeriesDate, first.SeriesTime)
    for ds in instances:
        acquired = _moment(ds.AcquisitionDate, ds.AcquisitionTime)
        decay = rate * float(ds.ActualFrameDuration) / 1000.0
        in_frame = decay / (1.0 - math.exp(-decay))
        by_frame = float(ds.FrameReferenceTime) / 1000.0 - math.log(in_frame) / rate
        by_factor = math.log(float(ds.DecayFactor) / in_frame) / rate
        for seconds in (by_frame, by_factor):
            spread = abs((acquired - timedelta(seconds=seconds) - start).total_seconds())
            if spread > _MAX_REFERENCE_SPREAD_S:
                raise ValueError(f"{ds.SOPInstanceUID}: decay reference is off by {spread} s")
    return start


def _suv(instances: list[Dataset]) -> Floats:
    """Return SUVbw in g/ml."""
    first = instances[0]
    tracer = first.RadiopharmaceuticalInformationSequence[0]
    half_life = float(tracer.RadionuclideHalfLife)
    rate = math.log(2.0) / half_life
    injected = datetime.strptime(tracer.RadiopharmaceuticalStartDateTime, "%Y%m%d%H%M%S")
    elapsed = (_decay_reference(instances, rate) - injected).total_seconds()
    dose = float(tracer.RadionuclideTotalDose) * math.exp(-rate * elapsed)
    return _rescaled(instances) * 1000.0 * float(first.PatientWeight) / dose


def _adc(instances: list[Dataset]) -> Floats:
    """Return the ADC in mm2/s: the least-squares slope of ln S; NaN without signal."""
    b_values = sorted({float(ds.DiffusionBValue) for ds in instances})
    stack = _rescaled(instances)
    stack = stack.reshape(len(b_values), -1, *stack.shape[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where((stack > 0).all(axis=0), np.log(stack), np.nan)
    centred = np.array(b_values) - np.mean(b_values)
    slope: Floats = -np.tensordot(centred, logs, axes=1) / float((centred**2).sum())
    return slope


def _case(folder: Path, role: str) -> tuple[Floats, dict[str, Mask], float]:
    """Return the quantity, the masks and the voxel volume in mm3 of a case."""
    instances = _load(folder / "image")
    if role == "ct":
        values, masks = _rescaled(instances), _ct_masks(folder, instances)
    elif role == "pet":
        values, masks = _suv(instances), _seg_masks(folder / "seg.dcm", instances)
    else:
        values = _adc(instances)
        masks = label_masks(folder / "mask.nii.gz", instances[: len(values)])
    z = _planes(instances[: len(values)])[2]
    row_mm, column_mm = (float(v) for v in instances[0].PixelSpacing)
    return values, masks, row_mm * column_mm * float(z[1] - z[0])


def _measure(feature_id: str, values: Floats, voxel_mm3: float) -> float:
    """Return one feature of the values of a region."""
    if feature_id == "volume_mm3":
        return values.size * voxel_mm3
    statistic = feature_id.rsplit(".", 1)[-1]
    functions: dict[str, Callable[[Floats], Any]] = {
        "mean": np.mean,
        "max": np.max,
        # Of a uniform sphere.
        "1ml_partial_volume_global": np.mean,
        "median": np.median,
        "variance": np.var,
    }
    return float(functions[statistic](values))


def verify(folder: Path) -> list[Deviation]:
    """Measure every row of truth.csv in the files of ``folder``.

    Parameters
    ----------
    folder : Path
        The sample data.

    Returns
    -------
    list of Deviation
        One per row of truth.csv.

    Raises
    ------
    ValueError
        If the headers contradict each other about the decay reference.
    """
    return _held_against(
        folder / "truth.csv",
        lambda site, subject, timepoint, role: folder / site.lower() / subject / timepoint / role,
    )


def verify_response(folder: Path) -> list[Deviation]:
    """Measure every row of the truth of the subject over time, as `verify` does.

    Parameters
    ----------
    folder : Path
        Of that study.
    """
    return _held_against(
        folder / "truth.csv",
        lambda _site, subject, timepoint, role: folder / subject / timepoint / role,
    )


def _held_against(truth: Path, folder_of: Callable[..., Path]) -> list[Deviation]:
    with truth.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = []
    loaded: dict[str, tuple[Floats, dict[str, Mask], float]] = {}
    for row in rows:
        case_id = row["case_id"]
        folder = folder_of(*case_id.split("/"))
        role = case_id.rsplit("/", 1)[-1]
        if case_id not in loaded:
            loaded[case_id] = _case(folder, role)
        values, masks, voxel_mm3 = loaded[case_id]
        mask = masks[row["roi_id"]]
        family = row["feature_id"].partition(".")[2]
        if family.startswith("size."):
            measured = _length(family, mask, folder)
        else:
            measured = _measure(row["feature_id"], values[mask], voxel_mm3)
            if row["feature_id"].startswith("sul_janma."):
                measured *= _lean_mass_share(folder)
        found.append(
            Deviation(
                case_id=case_id,
                roi_id=row["roi_id"],
                feature_id=row["feature_id"],
                truth=float(row["truth"]),
                measured=measured,
                tolerance_abs=float(row["tolerance_abs"]),
            )
        )
    return found


def _length(feature: str, mask: Mask, folder: Path) -> float:
    """Return the largest distance of two voxel centres of a slice, or the width across it.

    Of a disc the width is the short axis; of other shapes it is not.
    """
    first = _load(folder / "image")[0]
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    best = (0.0, 0.0)
    for plane in mask:
        points = np.argwhere(plane) * [row_mm, column_mm]
        if len(points) < 2:
            continue
        ways = points[:, None] - points[None, :]
        lengths = np.hypot(ways[..., 0], ways[..., 1])
        place = np.unravel_index(lengths.argmax(), lengths.shape)
        along = ways[place] / lengths[place]
        width = np.abs(ways[..., 0] * along[1] - ways[..., 1] * along[0])
        best = max(best, (float(lengths[place]), float(width.max())))
    return best[0] if feature == "size.longest_diameter" else best[1]


def _lean_mass_share(folder: Path) -> float:
    """Return lean body mass over weight (Janmahasatian 2005, women)."""
    first = _load(folder / "image")[0]
    if first.PatientSex != "F":
        raise ValueError("the formula is that of women")
    weight, height = float(first.PatientWeight), float(first.PatientSize)
    return 9270.0 / (8780.0 + 244.0 * weight / height**2)

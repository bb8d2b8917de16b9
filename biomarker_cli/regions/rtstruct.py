"""Read RT Structure Sets: ROIs, their contours, and what they refer to.

References
----------
DICOM PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.8.8.8 (RT ROI
Observations).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from biomarker_cli.regions.contours import Contour, draw_contours
from biomarker_cli.regions.entries import Drawing, References, RoiEntry
from biomarker_cli.regions.errors import RegionError, reading
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.regions.tilted import draw_tilted, is_tilted

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"

_CONTOUR_DATA = Tag("ContourData")


@dataclass(frozen=True)
class RtStruct:
    """An RT Structure Set.

    Attributes
    ----------
    path : Path
    dataset : pydicom.Dataset
    """

    path: Path
    dataset: Dataset
    kind = "rtstruct"

    @cached_property
    def uid(self) -> str:
        """SOPInstanceUID."""
        return str(self.dataset.get("SOPInstanceUID", ""))

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The ROIs, in the order of the structure set."""
        with reading(self.path):
            return tuple(self._read_entries())

    def _read_entries(self) -> Iterator[RoiEntry]:
        observed = self._observations
        frames = _items(self.dataset, "ReferencedFrameOfReferenceSequence")
        only_frame = str(frames[0].get("FrameOfReferenceUID", "")) if len(frames) == 1 else ""
        for roi in _items(self.dataset, "StructureSetROISequence"):
            number = int(roi.get("ROINumber", 0))
            code, meaning = _code(observed.get(number))
            yield RoiEntry(
                number=number,
                label=str(roi.get("ROIName") or "").strip(),
                code=code,
                code_meaning=meaning,
                frame_of_reference_uid=str(roi.get("ReferencedFrameOfReferenceUID") or only_frame),
                detail=self._detail(number),
            )

    @cached_property
    def _observations(self) -> dict[int, Dataset]:
        return {
            int(item.get("ReferencedROINumber", -1)): item
            for item in _items(self.dataset, "RTROIObservationsSequence")
        }

    @cached_property
    def _contours(self) -> dict[int, list[Dataset]]:
        """Contour items by ROINumber: sequences may come in any order."""
        found: dict[int, list[Dataset]] = {}
        for item in _items(self.dataset, "ROIContourSequence"):
            number = int(item.get("ReferencedROINumber", -1))
            found.setdefault(number, []).extend(_items(item, "ContourSequence"))
        return found

    def _detail(self, number: int) -> str:
        kinds = Counter(_kind(item) for item in self._contours.get(number, ()))
        return ", ".join(f"{kind} x {n}" for kind, n in sorted(kinds.items())) or "no contour"

    @cached_property
    def _referenced_series(self) -> frozenset[str]:
        return frozenset(
            str(series.get("SeriesInstanceUID", ""))
            for frame in _items(self.dataset, "ReferencedFrameOfReferenceSequence")
            for study in _items(frame, "RTReferencedStudySequence")
            for series in _items(study, "RTReferencedSeriesSequence")
        ) - {""}

    def references(self, entry: RoiEntry) -> References:
        """Return the images of the contours, and the series of the structure set."""
        with reading(self.path):
            images = frozenset(
                str(image.get("ReferencedSOPInstanceUID", ""))
                for contour in self._contours.get(entry.number, ())
                for image in _items(contour, "ContourImageSequence")
            )
            return References(self._referenced_series, images - {""})

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels whose centres the contours of a ROI enclose."""
        if sum(other.number == entry.number for other in self.entries) > 1:
            raise RegionError(
                "REGION-NUMBER-REPEATED",
                f"ROINumber {entry.number} occurs more than once, so contours cannot be assigned",
                where=self.path.name,
            )
        with reading(self.path):
            contours = list(self._read_contours(entry))
        if rules.other_grid == "resample" and is_tilted(contours, target.geometry):
            return draw_tilted(contours, entry.label, target.geometry, rules)
        return draw_contours(contours, entry.label, target.geometry, rules)

    def _read_contours(self, entry: RoiEntry) -> Iterator[Contour]:
        for index, item in enumerate(self._contours.get(entry.number, ())):
            where = f"{self.path.name}, ROINumber {entry.number}, contour {index + 1}"
            yield Contour(_kind(item), _points(item, where))


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none where it is absent or empty."""
    return list(dataset.get(keyword) or ())


def _kind(item: Dataset) -> str:
    kind = str(item.get("ContourGeometricType") or "").strip()
    return "CLOSEDPLANAR_XOR" if kind == "CLOSED_PLANAR_XOR" else kind


def _code(observation: Dataset | None) -> tuple[str, str]:
    if observation is None:
        return "", ""
    for keyword in ("RTROIIdentificationCodeSequence", "SegmentedPropertyTypeCodeSequence"):
        for item in _items(observation, keyword):
            value = f"{item.get('CodeValue', '')}:{item.get('CodingSchemeDesignator', '')}"
            return value, str(item.get("CodeMeaning", ""))
    return "", ""


def _points(item: Dataset, where: str) -> npt.NDArray[np.float64]:
    """Return the vertices in LPS mm, shape (n, 3).

    The text of the element is parsed at once: as pydicom values, a structure
    set takes seconds.
    """
    numbers = _numbers(item, where)
    finite = bool(np.isfinite(numbers).all())
    if len(numbers) % 3 or not finite:
        found = f"{len(numbers)} numbers" if finite else "numbers that are not finite"
        raise RegionError(
            "REGION-CONTOUR-DATA",
            f"expected x, y, z for every vertex, found {found}",
            where=where,
            hint="Export the structure set again.",
        )
    declared = item.get("NumberOfContourPoints")
    if declared is not None and int(declared) != len(numbers) // 3:
        raise RegionError(
            "REGION-CONTOUR-DATA",
            f"NumberOfContourPoints is {declared}, found {len(numbers) // 3} vertices",
            where=where,
            hint="The contour may be cut short: export the structure set again.",
        )
    return numbers.reshape(-1, 3)


def _numbers(item: Dataset, where: str) -> npt.NDArray[np.float64]:
    if _CONTOUR_DATA not in item:
        return np.empty(0)
    raw: Any = item.get_item(_CONTOUR_DATA).value
    if raw is None:
        return np.empty(0)
    try:
        if isinstance(raw, bytes):
            text = raw.decode("ascii").strip(" \0")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return np.fromstring(text, sep="\\") if text else np.empty(0)
        return np.atleast_1d(np.asarray(raw, dtype=np.float64))
    except (TypeError, ValueError, DeprecationWarning) as error:
        raise RegionError(
            "REGION-CONTOUR-DATA",
            "ContourData holds something that is no number",
            where=where,
            hint="Export the structure set again.",
        ) from error

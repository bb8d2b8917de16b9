"""Read RT Structure Sets: ROIs, their contours, and what they refer to.

References
----------
DICOM PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.8.8.8 (RT ROI
Observations).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from biomarker_cli.dicom.headers import ELEMENT_ERRORS
from biomarker_cli.dicom.texts import read_text
from biomarker_cli.dicom.words import items_in, word_in
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.regions.contours import Contour, draw_contours
from biomarker_cli.regions.entries import Drawing, References, RoiEntry, shortened
from biomarker_cli.regions.errors import RegionError, reading
from biomarker_cli.regions.numbering import Numbering, whole_number
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.regions.tilted import draw_tilted, is_tilted

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"

_CONTOUR_DATA = Tag("ContourData")

MOST_MM = 1e5
"""A vertex further away than 100 m lies in no patient."""

MOST_VERTICES = 5_000_000
"""Of one ROI; the skin of a whole body on a thousand slices has half as many."""


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
        with reading(self.path):
            return word_in(self.dataset, "SOPInstanceUID")

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The ROIs in the order of the structure set, then contours that belong to none."""
        with reading(self.path):
            orphans = (
                RoiEntry(number, "", detail=self._detail(number), is_described=False)
                for number in self._numbering.orphans
            )
            return (*self._read_entries(), *orphans)

    def _read_entries(self) -> Iterator[RoiEntry]:
        observed = self._observations
        frames = items_in(self.dataset, "ReferencedFrameOfReferenceSequence")
        only_frame = word_in(frames[0], "FrameOfReferenceUID") if len(frames) == 1 else ""
        character_set = self.dataset.get("SpecificCharacterSet")
        for roi in items_in(self.dataset, "StructureSetROISequence"):
            number = whole_number(roi, "ROINumber")
            code, meaning = _code(observed.get(number))
            name = read_text(roi, "ROIName", character_set)
            yield RoiEntry(
                number=number,
                label=name.value,
                code=code,
                code_meaning=meaning,
                frame_of_reference_uid=word_in(roi, "ReferencedFrameOfReferenceUID") or only_frame,
                detail=self._detail(number),
                flags=frozenset(() if name.is_declared else {"roi_name_encoding"}),
            )

    @cached_property
    def _observations(self) -> dict[int | None, Dataset]:
        items = items_in(self.dataset, "RTROIObservationsSequence")
        found = {whole_number(item, "ReferencedROINumber"): item for item in items}
        found.pop(None, None)
        return found

    @cached_property
    def _contours(self) -> dict[int | None, list[Dataset]]:
        """ROI Contour items by ROINumber: sequences may come in any order."""
        found: dict[int | None, list[Dataset]] = {}
        for item in items_in(self.dataset, "ROIContourSequence"):
            found.setdefault(whole_number(item, "ReferencedROINumber"), []).append(item)
        return found

    @cached_property
    def _numbering(self) -> Numbering:
        rois = items_in(self.dataset, "StructureSetROISequence")
        holding = (n for n, items in self._contours.items() if any(map(_holds_contours, items)))
        return Numbering(
            described=tuple(whole_number(roi, "ROINumber") for roi in rois),
            referred=frozenset(self._contours),
            filled=frozenset(holding),
            what="contours",
            owner="ROI",
        )

    def _contours_of(self, number: int | None) -> list[Dataset]:
        """Return the contours of a number.

        Raises
        ------
        RegionError
            ``REGION-NUMBER-REPEATED`` where two items have some, ``REGION-UNREADABLE``.
        """
        with reading(self.path):
            parts = [items_in(item, "ContourSequence") for item in self._contours.get(number, ())]
        parts = [part for part in parts if part]
        if len(parts) > 1 and number is not None:
            raise RegionError(
                "REGION-NUMBER-REPEATED",
                f"{len(parts)} items of ROIContourSequence (3006,0039) hold contours of ROINumber "
                f"{number}: whether they are one ROI cannot be told",
                where=self.path.name,
            )
        return [contour for part in parts for contour in part]

    def _detail(self, number: int | None) -> str:
        try:
            with reading(self.path):
                kinds = Counter(_kind(item) for item in self._contours_of(number))
        except RegionError as error:
            return error.code
        return ", ".join(f"{kind or 'no type'} x {n}" for kind, n in sorted(kinds.items())) or (
            "no contour"
        )

    @cached_property
    def _referenced(self) -> References:
        """The series of the structure set, and their images where it lists them."""
        series = [
            series
            for frame in items_in(self.dataset, "ReferencedFrameOfReferenceSequence")
            for study in items_in(frame, "RTReferencedStudySequence")
            for series in items_in(study, "RTReferencedSeriesSequence")
        ]
        uids = frozenset(word_in(item, "SeriesInstanceUID") for item in series)
        return References(uids - {""}, _images(series))

    def references(self, entry: RoiEntry) -> References:
        """Return the images of the contours (else all), and the series of the structure set."""
        with reading(self.path):
            whole = self._referenced
            own = _images(self._contours_of(entry.number))
            return References(whole.series_uids, own or whole.sop_instance_uids)

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels whose centres the contours of a ROI enclose."""
        self._numbering.require_own(entry, self.path.name)
        with reading(self.path):
            contours = list(self._read_contours(entry))
        label = shortened(entry.label)
        if rules.other_grid == "resample" and is_tilted(contours, target.geometry):
            return draw_tilted(contours, label, target.geometry, rules)
        return draw_contours(contours, label, target.geometry, rules)

    def _read_contours(self, entry: RoiEntry) -> Iterator[Contour]:
        n_vertices = 0
        for index, item in enumerate(self._contours_of(entry.number)):
            where = f"{self.path.name}, ROINumber {entry.number}, contour {index + 1}"
            contour = Contour(_kind(item), _points(item, where))
            n_vertices += len(contour.points_mm)
            if n_vertices > MOST_VERTICES:
                raise RegionError(
                    "REGION-TOO-LARGE",
                    f"expected at most {MOST_VERTICES:,} vertices, found more",
                    where=where,
                    hint="Export the structure set with fewer vertices for each contour.",
                )
            yield contour


def _images(holders: Iterable[Dataset]) -> frozenset[str]:
    """Return the images that contours, or a series, were drawn on."""
    return frozenset(
        word_in(image, "ReferencedSOPInstanceUID")
        for holder in holders
        for image in items_in(holder, "ContourImageSequence")
    ) - {""}


def _holds_contours(item: Dataset) -> bool:
    """Tell whether an item has contours; those that cannot be read are some."""
    try:
        return bool(items_in(item, "ContourSequence"))
    except ELEMENT_ERRORS:
        return True


def _kind(item: Dataset) -> str:
    kind = word_in(item, "ContourGeometricType").strip()
    return "CLOSEDPLANAR_XOR" if kind == "CLOSED_PLANAR_XOR" else kind


def _code(observation: Dataset | None) -> tuple[str, str]:
    if observation is None:
        return "", ""
    for keyword in ("RTROIIdentificationCodeSequence", "SegmentedPropertyTypeCodeSequence"):
        for item in items_in(observation, keyword):
            value = f"{word_in(item, 'CodeValue')}:{word_in(item, 'CodingSchemeDesignator')}"
            return value, word_in(item, "CodeMeaning")
    return "", ""


def _points(item: Dataset, where: str) -> FloatArray:
    """Return the vertices in LPS mm, shape (n, 3).

    The text of the element is parsed at once: as pydicom values, a structure
    set takes seconds.
    """
    numbers = _numbers(item, where)
    finite = bool(np.isfinite(numbers).all())
    far = finite and bool((np.abs(numbers) > MOST_MM).any())
    if len(numbers) % 3 or not finite or far:
        found = f"{len(numbers)} numbers" if finite else "numbers that are not finite"
        found = f"a coordinate beyond {MOST_MM:g} mm" if far else found
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
            hint="Export the structure set again.",
        )
    return numbers.reshape(-1, 3)


def _numbers(item: Dataset, where: str) -> FloatArray:
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

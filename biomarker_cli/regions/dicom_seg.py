"""Read DICOM Segmentations: BINARY, FRACTIONAL and LABELMAP.

Segments are found through the functional groups of each frame, shared or per
frame, so that segments may overlap, share a label, or have fewer frames than the
image has slices.

References
----------
DICOM PS3.3 C.8.20 (Segmentation, Label Map), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.dicom.frames import MOST_FRAMES
from biomarker_cli.dicom.segment_frames import decode_frame
from biomarker_cli.dicom.texts import read_text
from biomarker_cli.dicom.words import items_in, word_in
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.model.errors import CaseError
from biomarker_cli.regions.entries import Drawing, References, RoiEntry, shortened
from biomarker_cli.regions.errors import RegionError, reading
from biomarker_cli.regions.grids import transfer_mask
from biomarker_cli.regions.numbering import Numbering, whole_number
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.seg_frames import (
    FramePlane,
    SegmentFrame,
    assemble,
    macro,
    plane_of,
    require_distinct,
    slice_step,
)
from biomarker_cli.regions.seg_pixels import LabelFrame, boxed, label_frame, reaches
from biomarker_cli.regions.target import ImageTarget

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"

BACKGROUND = "125040:DCM"
"""Property type of the segment that stands for everything else in a label map."""


@dataclass(frozen=True)
class DicomSeg:
    """A DICOM Segmentation or Label Map Segmentation.

    Attributes
    ----------
    path : Path
    dataset : pydicom.Dataset
        With pixel data.
    """

    path: Path
    dataset: Dataset
    kind = "seg"

    @cached_property
    def uid(self) -> str:
        """SOPInstanceUID."""
        with reading(self.path):
            return word_in(self.dataset, "SOPInstanceUID")

    @cached_property
    def segmentation_type(self) -> str:
        """``BINARY``, ``FRACTIONAL`` or ``LABELMAP``."""
        with reading(self.path):
            found = word_in(self.dataset, "SegmentationType").strip()
        if found not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
            raise RegionError(
                "REGION-SEG-TYPE",
                f"expected BINARY, FRACTIONAL or LABELMAP, found {found!r}",
                where=f"{self.path.name}, SegmentationType (0062,0001)",
            )
        return found

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The segments, then frames that belong to none.

        The padding value and the background of a label map are no segments.
        """
        with reading(self.path):
            described = tuple(self._read_entries())
        more = (
            RoiEntry(number, "", detail=self.segmentation_type, is_described=False)
            for number in self._orphans()
        )
        return (*described, *more)

    def _read_entries(self) -> Iterator[RoiEntry]:
        frame_of_reference = word_in(self.dataset, "FrameOfReferenceUID")
        character_set = self.dataset.get("SpecificCharacterSet")
        for item in self._descriptions:
            code, meaning = _code(item)
            label = read_text(item, "SegmentLabel", character_set)
            yield RoiEntry(
                number=whole_number(item, "SegmentNumber"),
                label=label.value,
                code=code,
                code_meaning=meaning,
                tracking_uid=word_in(item, "TrackingUID"),
                frame_of_reference_uid=frame_of_reference,
                detail=self.segmentation_type,
                flags=frozenset(() if label.is_declared else {"roi_name_encoding"}),
            )

    @cached_property
    def _descriptions(self) -> list[Dataset]:
        """Items of SegmentSequence that name a structure."""
        items = items_in(self.dataset, "SegmentSequence")
        return [item for item in items if not self._is_background(item)]

    def _is_background(self, item: Dataset) -> bool:
        if _code(item)[0] == BACKGROUND:
            return True
        return self._padding is not None and whole_number(item, "SegmentNumber") == self._padding

    @cached_property
    def _padding(self) -> int | None:
        """The padding value of a label map, None where there is none."""
        if self.segmentation_type != "LABELMAP":
            return None
        return whole_number(self.dataset, "PixelPaddingValue")

    def _orphans(self) -> tuple[int | None, ...]:
        """Numbers of frames that no segment has; none where the frames cannot be told at all."""
        try:
            return self._numbering.orphans
        except CaseError:
            return ()

    @cached_property
    def _numbering(self) -> Numbering:
        items = items_in(self.dataset, "SegmentSequence")
        background = {whole_number(i, "SegmentNumber") for i in items if self._is_background(i)}
        numbers = frozenset[int | None](self._frames_of) - background
        described = tuple(whole_number(item, "SegmentNumber") for item in self._descriptions)
        return Numbering(described, numbers, numbers, "frames", "segment")

    @cached_property
    def _references(self) -> Mapping[str, frozenset[str]]:
        """Instances by series, as the whole object lists them."""
        found: dict[str, frozenset[str]] = {}
        for item in items_in(self.dataset, "ReferencedSeriesSequence"):
            series = word_in(item, "SeriesInstanceUID")
            listed = _instances(item, "ReferencedInstanceSequence")
            found[series] = found.get(series, frozenset()) | listed
        return found

    @cached_property
    def _source_images(self) -> list[frozenset[str]]:
        """Instances that each frame was derived from."""
        return [
            frozenset[str]().union(
                *(
                    _instances(derivation, "SourceImageSequence")
                    for group in groups
                    for derivation in group.get("DerivationImageSequence") or ()
                )
            )
            for groups in self._groups
        ]

    def references(self, entry: RoiEntry, /) -> References:
        """Return the images that the frames of a segment were made on, else those of the object.

        The series are those that hold these images, where the object says which do.
        """
        with reading(self.path):
            listed = self._references
            own = self._own_sources(entry)
            series = {uid for uid, instances in listed.items() if uid and instances & own}
            every = frozenset[str]().union(*listed.values())
            instances = own or every or _instances(self.dataset, "SourceImageSequence")
            return References(frozenset(series or set(listed) - {""}), instances - {""})

    def _own_sources(self, entry: RoiEntry) -> frozenset[str]:
        try:
            indices = self._frames_of.get(entry.number, ())
            return frozenset[str]().union(*(self._source_images[i] for i in indices))
        except CaseError:
            # Frames that cannot be told, or decoded, are named where the segment is drawn.
            return frozenset()

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels of a segment on the grid of an image."""
        audit: dict[str, AuditValue] = {}
        if self.segmentation_type == "FRACTIONAL":
            audit |= self._fractional_audit(rules)
        fractions = [0.0]
        with reading(self.path):
            self._numbering.require_own(entry, self.path.name)
            size = int(self.dataset.Rows), int(self.dataset.Columns)
            indices = self._frames_of.get(entry.number, ())
            of_segment = range(len(self._groups)) if self._is_label_map else indices
            audit["n_frames"] = len(of_segment)
            require_distinct([self._plane(index) for index in of_segment], self.path.name)
            frames = list(self._segment_frames(entry, indices, rules, fractions))
        frames = [frame for frame in frames if frame.mask.size]
        flags = frozenset({"segment_assumed"} if self._is_assumed else ())
        if not frames:
            return Drawing(Crop(np.zeros((0, 0, 0), dtype=np.bool_)), audit, flags)
        step, found = slice_step([frame.plane for frame in frames], self._known_planes, target)
        grid, crop = assemble(frames, size, step, self.path.name)
        if self.segmentation_type == "FRACTIONAL":
            audit["fractional_volume_mm3"] = fractions[0] * grid.voxel_volume_mm3
        drawing = transfer_mask(crop, grid, target.geometry, rules, shortened(entry.label))
        return Drawing(drawing.crop, {**audit, **drawing.audit}, drawing.flags | flags | found)

    def _fractional_audit(self, rules: RegionRules) -> dict[str, AuditValue]:
        with reading(self.path):
            kind = word_in(self.dataset, "SegmentationFractionalType")
        if rules.fractional_threshold is None:
            raise RegionError(
                "REGION-FRACTIONAL",
                f"the segmentation is FRACTIONAL ({kind or 'no type'}) and the analysis protocol "
                "has no threshold",
                where=self.path.name,
                hint="Set 'fractional_threshold' in the regions section of the analysis protocol.",
            )
        return {"fractional_type": kind, "fractional_threshold": rules.fractional_threshold}

    @property
    def _is_label_map(self) -> bool:
        return self.segmentation_type == "LABELMAP"

    @cached_property
    def _groups(self) -> list[tuple[Dataset, ...]]:
        """Functional groups of each frame: its own before the shared ones."""
        with reading(self.path):
            shared = tuple(self.dataset.get("SharedFunctionalGroupsSequence") or ())[:1]
            own = list(self.dataset.get("PerFrameFunctionalGroupsSequence") or ())
            said = self.dataset.get("NumberOfFrames")
            n_frames = 1 if said is None or said == "" else int(said)
        # Without groups of their own, several frames would all lie at one position.
        is_single = n_frames == 1 and not own
        if not 0 <= n_frames <= MOST_FRAMES or (len(own) != n_frames and not is_single):
            raise RegionError(
                "REGION-SEG-FRAMES",
                f"NumberOfFrames is {n_frames}, found functional groups of {len(own)}",
                where=self.path.name,
            )
        return [(*own[index : index + 1], *shared) for index in range(n_frames)]

    @cached_property
    def _frames_of(self) -> Mapping[int | None, Sequence[int]]:
        """Indices of the frames of each segment number."""
        found: dict[int | None, list[int]] = {}
        if self._is_label_map:
            for index, frame in enumerate(self._label_frames):
                for value in frame.values:
                    found.setdefault(value, []).append(index)
            return found
        only = self._only_segment
        for index, said in enumerate(self._said_numbers):
            number = only if said is None else said
            if number is None:
                raise RegionError(
                    "REGION-SEG-FRAMES",
                    f"frame {index + 1} does not say which segment it belongs to",
                    where=f"{self.path.name}, ReferencedSegmentNumber (0062,000B)",
                )
            found.setdefault(number, []).append(index)
        return found

    @cached_property
    def _said_numbers(self) -> list[int | None]:
        """The segment number of each frame, None where it has none."""
        with reading(self.path):
            said = [
                macro(groups, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
                for groups in self._groups
            ]
            return [None if number is None else int(number) for number in said]

    @cached_property
    def _only_segment(self) -> int | None:
        """The one segment that all frames belong to where none of them says to which."""
        described = items_in(self.dataset, "SegmentSequence")
        if len(described) != 1 or any(number is not None for number in self._said_numbers):
            return None
        return whole_number(described[0], "SegmentNumber")

    @property
    def _is_assumed(self) -> bool:
        return not self._is_label_map and self._only_segment is not None and bool(self._groups)

    def _segment_frames(
        self,
        entry: RoiEntry,
        indices: Sequence[int],
        rules: RegionRules,
        fractions: list[float],
    ) -> Iterator[SegmentFrame]:
        if self._is_label_map:
            for index in indices:
                pixels, row, column, _ = self._label_frames[index]
                yield boxed(self._plane(index), pixels == entry.number, row, column)
            return
        maximum = float(self.dataset.get("MaximumFractionalValue") or 1)
        for index in indices:
            plane = self._plane(index)
            pixels = decode_frame(self.dataset, index, self.path.name)
            if self.segmentation_type == "BINARY":
                yield boxed(plane, pixels != 0)
            else:
                fractions[0] += float(pixels.sum(dtype=np.float64)) / maximum
                yield boxed(plane, reaches(pixels, maximum, rules.fractional_threshold or 1.0))

    @cached_property
    def _label_frames(self) -> list[LabelFrame]:
        """The frames of a label map, decoded once; 0 is no label where nothing describes it."""
        padding = self._padding or 0
        found = []
        with reading(self.path):
            named = {whole_number(item, "SegmentNumber") for item in self._descriptions}
            for index in range(len(self._groups)):
                pixels = decode_frame(self.dataset, index, self.path.name)
                found.append(label_frame(pixels, padding, named))
        return found

    @cached_property
    def _known_planes(self) -> list[FramePlane]:
        """Where the frames of the object lie, without those that do not say it."""
        found = []
        for index in range(len(self._groups)):
            try:
                found.append(self._plane(index))
            except CaseError:
                continue
        return found

    @cached_property
    def _planes(self) -> dict[int, FramePlane]:
        return {}

    def _plane(self, index: int) -> FramePlane:
        if index not in self._planes:
            with reading(self.path):
                plane = plane_of(self._groups[index], index + 1, self.path.name)
            self._planes[index] = plane
        return self._planes[index]


def _instances(item: Dataset, keyword: str) -> frozenset[str]:
    images = items_in(item, keyword)
    return frozenset(word_in(image, "ReferencedSOPInstanceUID") for image in images) - {""}


def _code(item: Dataset) -> tuple[str, str]:
    for code in items_in(item, "SegmentedPropertyTypeCodeSequence"):
        values = (word_in(code, name) for name in ("CodeValue", "LongCodeValue", "URNCodeValue"))
        scheme = word_in(code, "CodingSchemeDesignator")
        return f"{next(filter(None, values), '')}:{scheme}", word_in(code, "CodeMeaning")
    return "", ""

"""One DICOM Segmentation of the regions that a case was measured in.

References
----------
DICOM PS3.3 A.51 (Segmentation), C.8.20; PS3.16 CID 7150 (property categories).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.derived import source_headers
from biomarker_cli.dicom.identity import OutgoingIdentity
from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.imaging.frame_places import frame_places
from biomarker_cli.imaging.parametric_map import OWN_EQUIPMENT, name_dimensions
from biomarker_cli.model.arrays import BoolArray
from biomarker_cli.model.wording import quoted

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from biomarker_cli.dicom.frames import Frames
    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.imaging.region import Region

SERIES_NUMBER = 9100

MOST_VOXELS = 2**31
"""Of all segments together: what fits into the memory of a workstation."""

_LONG_STRING = 64


@dataclass(frozen=True)
class OutgoingRegion:
    """A region as it leaves.

    Attributes
    ----------
    roi_id : str
        As in the tables.
    region : Region
    sha256 : str
        Of the kept mask.
    tracking_uid : str
        TrackingUID of the segment that it came from; empty where there is none.
    """

    roi_id: str
    region: Region
    sha256: str
    tracking_uid: str = ""


@dataclass(frozen=True)
class RegionsOfImage:
    """The regions of an image of a case, and the image.

    Attributes
    ----------
    case_id, image, result_key : str
    frames : Frames
        Headers of the image, slice by slice.
    regions : tuple of OutgoingRegion
        On one grid, none empty; their places are the segment numbers, from 1.
    """

    case_id: str
    image: str
    result_key: str
    frames: Frames
    regions: tuple[OutgoingRegion, ...]

    @property
    def geometry(self) -> Geometry:
        """Grid of the regions."""
        return self.regions[0].region.geometry

    def tracking_uid(self, one: OutgoingRegion, identity: OutgoingIdentity) -> str:
        """Return the TrackingUID of a region as it leaves; without a source, one of the case."""
        from pydicom.uid import generate_uid

        made = generate_uid(entropy_srcs=["tracking", self.case_id, one.roi_id])
        return identity.uid(one.tracking_uid or made)


def segmentation(
    source: RegionsOfImage, identity: OutgoingIdentity, created: datetime, uids: dict[str, Any]
) -> Dataset:
    """Return a binary Segmentation with a segment for each region.

    Frames are those slices that a region has voxels in. The same source, identity, UIDs
    and time give the same bytes.

    Parameters
    ----------
    source : RegionsOfImage
    identity : OutgoingIdentity
        Whom the object names.
    created : datetime
    uids : dict
        ``series_instance_uid`` and ``sop_instance_uid``.

    Raises
    ------
    NotExportedError
        ``EXPORT-TOO-LARGE``, ``EXPORT-HEADER``.
    """
    from highdicom.seg import Segmentation

    slices = _slices(source.regions)
    frames = [source.frames[z] for z in slices]
    with built(source.case_id):
        written: Any = Segmentation(
            source_images=_of_one_orientation(source_headers(frames, identity), source.geometry),
            pixel_array=_voxels(source, slices),
            segmentation_type="BINARY",
            segment_descriptions=_descriptions(source, identity),
            series_number=SERIES_NUMBER,
            instance_number=1,
            series_description=f"Measured regions, {source.image}"[:_LONG_STRING],
            content_label="MEASURED",
            **uids,
            **OWN_EQUIPMENT,
            **frame_places(source.geometry, slices),
        )
    for item in written.SegmentSequence:
        # highdicom wants a family, of which none is true; the name of what made it stays.
        del item.SegmentationAlgorithmIdentificationSequence
    identity.complete(written, source.frames[0].dataset)
    settle(written, created)
    return written  # type: ignore[no-any-return]


@contextmanager
def built(case_id: str) -> Iterator[None]:
    """Name what highdicom cannot make an object of, and keep its warnings to ourselves.

    Raises
    ------
    NotExportedError
        ``EXPORT-HEADER``.
    """
    try:
        with warnings.catch_warnings():
            # It warns about unusual names of patients, and would print them.
            warnings.simplefilter("ignore")
            yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise NotExportedError(
            "EXPORT-HEADER",
            f"the headers of the image make no object: {quoted(error)}",
            where=case_id,
        ) from error


def _of_one_orientation(headers: Sequence[Dataset], geometry: Geometry) -> Sequence[Dataset]:
    """Give all slices the orientation of the grid: theirs may differ in the last digits."""
    x_axis, y_axis = geometry.axes[:, 0], geometry.axes[:, 1]
    for header in headers:
        # Deleted first: an element is shared with the header that was read.
        if header.pop("ImageOrientationPatient", None) is not None:
            header.ImageOrientationPatient = [*map(float, x_axis), *map(float, y_axis)]
    return headers


def uids_of(
    source: RegionsOfImage, identity: OutgoingIdentity, created: datetime
) -> dict[str, Any]:
    """Return the UIDs of the Segmentation of regions: those of what it holds, and when."""
    from pydicom.uid import generate_uid

    held = [f"{one.roi_id}\0{one.sha256}" for one in source.regions]
    # Another time gives other bytes, which must have another UID.
    made_of = [source.case_id, source.image, source.result_key, created.isoformat(), *held]
    words = {"series_instance_uid": "seg series", "sop_instance_uid": "seg instance"}
    return {
        name: identity.uid(generate_uid(entropy_srcs=[word, *made_of]))
        for name, word in words.items()
    }


def settle(written: Any, created: datetime) -> None:
    """Give an object the time of its run, UIDs of its own, and a character set for its names."""
    # That of the source may not hold the names of the study.
    written.SpecificCharacterSet = "ISO_IR 192"
    date, time = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    for what, value in (("Date", date), ("Time", time)):
        for keyword in (f"Content{what}", f"InstanceCreation{what}", f"Series{what}"):
            if keyword in written:
                setattr(written, keyword, value)
    written.TimezoneOffsetFromUTC = "+0000"
    for item in written.get("ContributingEquipmentSequence", ()):
        item.pop("ContributionDateTime", None)
    name_dimensions(written, OutgoingIdentity())


def label_of(text: str) -> str:
    """Return a name that LO takes: at most 64 characters, no backslash, no control character.

    What had to be changed ends in a digest of the whole, so that two names stay two.
    """
    fit = "".join("_" if c == "\\" or not c.isprintable() else c for c in text).strip()
    if fit == text and len(fit) <= _LONG_STRING:
        return fit
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{fit[: _LONG_STRING - 9]}-{digest}"


def _slices(regions: Sequence[OutgoingRegion]) -> list[int]:
    found: set[int] = set()
    for one in regions:
        crop = one.region.crop
        filled = np.flatnonzero(crop.mask.any(axis=(1, 2)))
        found.update((filled + crop.offset[0]).tolist())
    return sorted(found)


def _voxels(source: RegionsOfImage, slices: Sequence[int]) -> np.ndarray:
    _, rows, columns = source.geometry.shape
    shape = (len(slices), rows, columns, len(source.regions))
    if np.prod(shape, dtype=np.float64) > MOST_VOXELS:
        raise NotExportedError(
            "EXPORT-TOO-LARGE",
            f"expected at most {MOST_VOXELS} voxels of all regions, found "
            f"{' x '.join(map(str, shape))}",
            where=source.case_id,
            hint="Measure fewer regions in one study.",
        )
    found = np.zeros(shape, dtype=np.uint8)
    for number, one in enumerate(source.regions):
        mask: BoolArray = one.region.crop.mask
        z, y, x = one.region.crop.offset
        _, height, width = mask.shape
        for place, index in enumerate(slices):
            if 0 <= index - z < mask.shape[0]:
                found[place, y : y + height, x : x + width, number] = mask[index - z]
    return found


def _descriptions(source: RegionsOfImage, identity: OutgoingIdentity) -> list[Any]:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes

    # Who drew a region is not in the tables: that we laid it on the grid is.
    made = AlgorithmIdentificationSequence(
        name="biomarker region import",
        family=codes.DCM.MorphologicalOperations,
        version=str(OWN_EQUIPMENT["software_versions"]),
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label_of(one.roi_id),
            segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
            segmented_property_type=codes.DCM.SelectedRegion,
            algorithm_type="SEMIAUTOMATIC",
            algorithm_identification=made,
            tracking_uid=source.tracking_uid(one, identity),
            tracking_id=label_of(one.roi_id),
        )
        for number, one in enumerate(source.regions, start=1)
    ]

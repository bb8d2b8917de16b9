"""The map of the transmit field (B1), by which nominal flip angles are scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import shown
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.phases import Phase
from biomarker_cli.perfusion.rules import B1Rules

LOWEST, HIGHEST = 0.2, 2.0
"""Of the nominal flip angle: beyond, a voxel has no B1, such as air, whose value is 0."""


@dataclass(frozen=True)
class TransmitField:
    """A map of the transmit field where it was acquired.

    Attributes
    ----------
    candidate : VolumeCandidate
    geometry : Geometry
    nominal_value : float
    """

    candidate: VolumeCandidate
    geometry: Geometry
    nominal_value: float

    def scale_on(self, like: Phase, files: DicomFiles) -> FloatArray:
        """Return applied over nominal flip angle on the grid of an image, shape (z, y, x).

        Linear between the voxels; NaN beyond them, and where the map has no plausible value.

        Raises
        ------
        PerfusionError
            ``T1-B1-PLACE`` where the map and the image do not share one frame of reference.
        """
        from scipy.ndimage import affine_transform

        own, other = self.candidate, like.candidate
        same = own.frame_of_reference_uid == other.frame_of_reference_uid
        if not own.frame_of_reference_uid or not same or own.study_uid != other.study_uid:
            raise PerfusionError(
                "T1-B1-PLACE",
                "the map of the transmit field and the images are not of one examination and "
                "frame of reference",
                where=f"{own.volume_id}, {other.volume_id}",
                hint="Name the map of the same examination.",
            )
        target = other.geometry
        assert target is not None  # noqa: S101 - refused volumes do not come so far
        values = read_volume(own, files).without_padding().as_float64() / self.nominal_value
        values[~((values >= LOWEST) & (values <= HIGHEST))] = np.nan
        if self.geometry.same_grid(target):
            return values
        back = np.linalg.inv(self.geometry.affine) @ target.affine
        matrix, shift = back[:3, :3][::-1, ::-1], back[:3, 3][::-1]
        on_target = affine_transform(
            values,
            matrix,
            offset=shift,
            output_shape=target.shape,
            order=1,
            mode="constant",
            cval=np.nan,
        )
        return np.asarray(on_target, dtype=np.float64)


def without_transmit_field(
    candidates: Sequence[VolumeCandidate], files: DicomFiles, rules: B1Rules | None
) -> tuple[list[VolumeCandidate], TransmitField | None]:
    """Tell the map of the transmit field from the other images.

    Raises
    ------
    PerfusionError
        ``T1-B1-MAP`` where none or several have the text of the rules, or the catalogue
        refused it.
    """
    images = [one for one in candidates if one.is_image]
    if rules is None:
        return images, None
    wanted = rules.text.casefold()
    found = [one for one in images if wanted in _texts(one, files)]
    if len(found) != 1:
        listed = ", ".join(one.volume_id for one in found[:5]) or "none"
        raise _no_map(
            f"expected one image with {shown(repr(rules.text))} in SeriesDescription or "
            f"ImageType, found {len(found)} ({listed})"
        )
    (one,) = found
    if one.status is not VolumeStatus.OK or one.geometry is None:
        raise _no_map(f"{one.volume_id} was refused: {one.error_code}")
    others = [image for image in images if image is not one]
    return others, TransmitField(one, one.geometry, rules.nominal_value)


def _no_map(found: str) -> PerfusionError:
    return PerfusionError(
        "T1-B1-MAP",
        f"no map of the transmit field: {found}",
        hint="Name its series as well, or an analysis whose b1.text is part of its header.",
    )


def _texts(candidate: VolumeCandidate, files: DicomFiles) -> str:
    header = read_frames(candidate, files).first
    kinds = header.get("ImageType")
    words = [kinds] if isinstance(kinds, str) else list(kinds or [])
    return "\n".join(map(str, [header.get("SeriesDescription", ""), *words])).casefold()

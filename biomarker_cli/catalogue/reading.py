"""Read a volume candidate: its headers, then its pixels."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, Frames, frame_headers
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.pixels import read_stored_frames, rescale
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU, SIGNAL, STORED_PET, UNITLESS, Quantity

_QUANTITY_OF_MODALITY = {"CT": HU, "PT": STORED_PET, "MR": SIGNAL}


def read_frames(candidate: VolumeCandidate) -> Frames:
    """Return the header record of each slice of a candidate.

    A candidate that was refused as a volume still has headers to be checked.
    """
    headers = {path: _frames_of(path) for path in {ref.path for ref in candidate.refs}}
    return Frames(headers[ref.path][ref.frame] for ref in candidate.refs)


def _frames_of(path: Path) -> tuple[FrameHeader, ...]:
    dataset = read_header(path)
    try:
        return frame_headers(dataset, path)
    except HeaderError:
        # The catalogue has refused the volume for this; its elements can still be judged.
        return (FrameHeader(dataset, 0, path),)


def read_volume(candidate: VolumeCandidate) -> Volume:
    """Read the pixels of a candidate.

    Returns
    -------
    Volume
        Array of float64, shape (z, y, x), rescaled frame by frame.

    Raises
    ------
    SeriesError
        With the candidate's own code where the catalogue refused it.
    PixelError
        Where pixels cannot be decoded.
    """
    if candidate.status is not VolumeStatus.OK or candidate.geometry is None:
        raise SeriesError(candidate.error_code, candidate.error_message, where=candidate.series_uid)
    frames = read_frames(candidate)
    array = np.empty(candidate.geometry.shape, dtype=np.float64)
    slices_of: dict[Path, list[int]] = defaultdict(list)
    for index, ref in enumerate(candidate.refs):
        slices_of[ref.path].append(index)
    for path, slices in slices_of.items():
        stored = read_stored_frames(path, [candidate.refs[i].frame for i in slices])
        for index, plane in zip(slices, stored, strict=True):
            array[index] = rescale(plane, frames[index])
    return Volume(
        array=array,
        geometry=candidate.geometry,
        quantity=_quantity(candidate, frames),
        frames=frames,
        volume_id=candidate.volume_id,
        flags=candidate.flags,
    )


def _quantity(candidate: VolumeCandidate, frames: Frames) -> Quantity:
    rescale_type = frames.first.get("RescaleType", "HU")
    if candidate.modality == "CT" and rescale_type != "HU":
        return UNITLESS
    return _QUANTITY_OF_MODALITY.get(candidate.modality, UNITLESS)

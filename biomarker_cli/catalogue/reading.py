"""Read a volume candidate: its headers, then its pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.real_world import PARAMETRIC_MAP_CLASS, read_real_world_mapping
from biomarker_cli.dicom.values import fill_values, padding_of
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.model.quantity import HU, QUANTITIES, SIGNAL, STORED_PET, UNITLESS, Quantity

if TYPE_CHECKING:
    from biomarker_cli.dicom.files import DicomFiles

_QUANTITY_OF_MODALITY = {"CT": HU, "PT": STORED_PET, "MR": SIGNAL}


def read_frames(candidate: VolumeCandidate, files: DicomFiles | None = None) -> Frames:
    """Return the header record of each slice of a candidate.

    A candidate that was refused as a volume still has headers to be checked.

    Parameters
    ----------
    candidate : VolumeCandidate
    files : DicomFiles, optional
        Those of the case, which are read once. Without them headers alone are read:
        neither pixels nor digests.
    """
    return read_series_frames([candidate], _header_frames if files is None else files.frames)


def _header_frames(path: Path) -> tuple[FrameHeader, ...]:
    # A scan, which imports this module too, may do without pydicom.
    from biomarker_cli.dicom.errors import unreadable
    from biomarker_cli.dicom.quick_headers import HeaderReader

    try:
        signature = FileSignature.of(path.stat())
    except OSError as error:
        raise unreadable(path, error) from error
    return HeaderReader().frames(path, signature)


def read_series_frames(
    candidates: Iterable[VolumeCandidate], frames_of: Callable[[Path], tuple[FrameHeader, ...]]
) -> Frames:
    """Return the header records of several candidates, volume by volume.

    Each file is asked for once, also where it holds several volumes.
    """
    refs = [ref for candidate in candidates for ref in candidate.refs]
    headers = {path: frames_of(path) for path in dict.fromkeys(ref.path for ref in refs)}
    return Frames(headers[ref.path][ref.frame] for ref in refs)


def _new_door() -> DicomFiles:
    # A scan, which imports this module too, does without the decoders.
    from biomarker_cli.dicom.files import DicomFiles

    return DicomFiles()


def read_volume(candidate: VolumeCandidate, files: DicomFiles | None = None) -> Volume:
    """Read the pixels of a candidate.

    Parameters
    ----------
    candidate : VolumeCandidate
    files : DicomFiles, optional
        Those of the case, which are read once.

    Returns
    -------
    Volume
        Array of float64, shape (z, y, x), rescaled frame by frame.

    Raises
    ------
    SeriesError
        With the candidate's own code where the catalogue refused it.
    PixelError
        Where pixels cannot be decoded or have no value.
    """
    if candidate.status is not VolumeStatus.OK or candidate.geometry is None:
        raise SeriesError(candidate.error_code, candidate.error_message, where=candidate.series_uid)
    array, padding, frames = _read_arrays(candidate, candidate.geometry, files or _new_door())
    return Volume(
        array=array,
        geometry=candidate.geometry,
        quantity=_quantity(candidate, frames),
        frames=frames,
        volume_id=candidate.volume_id,
        flags=candidate.flags,
        padding=padding,
    )


def _read_arrays(
    candidate: VolumeCandidate, geometry: Geometry, files: DicomFiles
) -> tuple[FloatArray, BoolArray | None, Frames]:
    array = _allocate(geometry)
    padding: BoolArray | None = None
    frames: dict[int, FrameHeader] = {}
    slices_of: dict[Path, list[int]] = defaultdict(list)
    for index, ref in enumerate(candidate.refs):
        slices_of[ref.path].append(index)
    for path, slices in slices_of.items():
        headers = files.frames(path)
        wanted = [candidate.refs[index].frame for index in slices]
        for index, frame, stored in zip(slices, wanted, files.stored(path, wanted), strict=True):
            header = frames[index] = headers[frame]
            fill_values(array[index], stored, header)
            empty = padding_of(stored, header)
            if empty is not None:
                padding = np.zeros(geometry.shape, np.bool_) if padding is None else padding
                padding[index] = empty
        files.let_go(path)
    return array, padding, Frames(frames[i] for i in range(len(candidate.refs)))


def _allocate(geometry: Geometry) -> FloatArray:
    try:
        return np.empty(geometry.shape, dtype=np.float64)
    except (MemoryError, ValueError) as error:
        raise PixelError(
            "PIXELS-MEMORY",
            f"a volume of {geometry.shape} voxels (z, y, x) does not fit into memory",
            hint="Check the header of the series, or use a machine with more memory.",
        ) from error


def _quantity(candidate: VolumeCandidate, frames: Frames) -> Quantity:
    if str(frames.first.get("SOPClassUID", "")) == PARAMETRIC_MAP_CLASS:
        return _parametric_quantity(frames)
    table = frames.first.get("ModalityLUTSequence")
    rescale_type = (
        frames.first.get("RescaleType", "HU")
        if table is None
        else table[0].get("ModalityLUTType", "US")
    )
    if candidate.modality == "CT" and rescale_type != "HU":
        return UNITLESS
    return _QUANTITY_OF_MODALITY.get(candidate.modality, UNITLESS)


def _parametric_quantity(frames: Frames) -> Quantity:
    found = {
        (m.unit, m.unit_meaning, m.quantity_code) for m in map(read_real_world_mapping, frames)
    }
    if len(found) != 1:
        units = ", ".join(sorted(unit for unit, _, _ in found))
        raise SeriesError("SERIES-UNITS", f"the frames are in different quantities: {units}")
    unit, meaning, code = found.pop()
    for quantity in QUANTITIES.values():
        if quantity.unit == unit and code and quantity.dicom_code == code:
            return quantity
    return Quantity("parametric_map", unit, meaning or "parametric map", code)

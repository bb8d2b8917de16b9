"""Write maps: NIfTI for other programs, DICOM Parametric Map for the archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomarker_cli.dicom.identity import OutgoingIdentity
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.parametric_map import write_parametric_map
from biomarker_cli.imaging.quantity_map import QuantityMap


def write_maps(
    maps: Sequence[QuantityMap], folder: Path, identity: OutgoingIdentity, analysis: str
) -> list[Path]:
    """Write every map as ``<image>.nii.gz`` and, where it came from DICOM, ``<image>.dcm``.

    Parameters
    ----------
    maps : sequence of QuantityMap
    folder : Path
    identity : OutgoingIdentity
        Whom the DICOM objects name.
    analysis : str
        ``id@version`` of the analysis protocol.

    Returns
    -------
    list of Path
        What was written.
    """
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for one in maps:
        nifti = folder / f"{one.image}.nii.gz"
        write_nifti(one.volume.as_float64(), one.volume.geometry, nifti)
        written.append(nifti)
        if one.volume.frames:
            dicom = folder / f"{one.image}.dcm"
            write_parametric_map(one, dicom, identity, analysis)
            written.append(dicom)
    return written

"""The head of a NIfTI file that is written piece by piece."""

from __future__ import annotations

import numpy.typing as npt

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.placing import RAS_TO_LPS


def nifti_head(geometry: Geometry, dtype: npt.DTypeLike) -> bytes:
    """Return the header of a NIfTI-1 file, with the four bytes that say that nothing follows it.

    Parameters
    ----------
    geometry : Geometry
    dtype : numpy type
        Of the voxels that come next, x running fastest.
    """
    import nibabel

    affine = RAS_TO_LPS @ geometry.affine
    header = nibabel.Nifti1Header()
    header.set_data_shape(geometry.shape[::-1])
    header.set_data_dtype(dtype)
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    header.set_xyzt_units("mm")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    return bytes(header.binaryblock) + bytes(4)

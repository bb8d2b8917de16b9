"""Errors of the regions room."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomarker_cli.model.errors import CaseError, ConfigurationError

# pydicom converts values when they are asked for, so that damaged ones fail then.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)


class RegionError(CaseError):
    """A segmentation, or one ROI of it, that cannot be imported."""


class RoiMapError(ConfigurationError):
    """A ROI map that cannot be used as it is written."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what pydicom raises over damaged content into a named error.

    For the reading of values only, so that defects of ours are not renamed.

    Raises
    ------
    RegionError
        ``REGION-UNREADABLE``.
    """
    # Here, since errors of label images do without pydicom.
    from pydicom.errors import BytesLengthException

    try:
        yield
    except (*_DAMAGE, BytesLengthException) as error:
        raise RegionError(
            "REGION-UNREADABLE",
            f"the content of the segmentation cannot be read: {type(error).__name__}",
            where=path.name,
            hint="Transfer the file again, and compare its size with that of the source.",
        ) from error

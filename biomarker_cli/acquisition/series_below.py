"""The image series below some paths, and what there could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.acquisition.series import SeriesHeaders, series_headers
from biomarker_cli.catalogue.catalogue import Catalogue, Progress, scan
from biomarker_cli.dicom.quick_headers import KeptHeaders

if TYPE_CHECKING:
    from biomarker_cli.dicom.errors import HeaderError


@dataclass(frozen=True)
class SeriesBelow:
    """What lies below some paths.

    Attributes
    ----------
    catalogue : Catalogue
        Its `unreadable` files no rule has seen.
    series : sequence of SeriesHeaders
    left_out : sequence of (str, HeaderError)
        SeriesInstanceUIDs of the series whose headers cannot be read, and why.
    """

    catalogue: Catalogue
    series: Sequence[SeriesHeaders]
    left_out: Sequence[tuple[str, HeaderError]]


def series_below(paths: Sequence[Path], progress: Progress | None = None) -> SeriesBelow:
    """Read the headers of every image series below some paths, each file once.

    Parameters
    ----------
    paths : sequence of Path
    progress : callable, optional
        Called now and then with the number of files indexed and in all.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    """
    reader = KeptHeaders()
    catalogue = scan(paths, progress, reader=reader)
    left_out: list[tuple[str, HeaderError]] = []
    series = series_headers(catalogue, reader, lambda *refused: left_out.append(refused))
    return SeriesBelow(catalogue, series, left_out)

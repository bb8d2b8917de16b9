"""Read the headers of all image series below some paths, as several commands do.

========================  ===================
read_headers              check, protocol match, protocol draft, protocol facts
========================  ===================
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.cli.output import nothing_found, progress, say
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.acquisition.series import SeriesHeaders
    from biomarker_cli.catalogue.catalogue import Catalogue

_SHOWN_AT_MOST = 5


@dataclass(frozen=True)
class Headers:
    """What lies below the paths of a command.

    Attributes
    ----------
    series : list of SeriesHeaders
    n_unreadable : int
        DICOM files and series that cannot be read: no rule has seen them.
    """

    series: list[SeriesHeaders]
    n_unreadable: int


def read_headers(paths: tuple[Path, ...]) -> Headers:
    """Return every image series below `paths`, and say on stderr what could not be read.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``; ``NOTHING-FOUND`` where there is no image series.
    """
    from biomarker_cli.acquisition.series_below import series_below

    with progress("reading headers", "files") as advance:
        found = series_below(paths, advance)
    catalogue = found.catalogue
    unread = _say_unreadable(catalogue)
    for series_uid, error in found.left_out:
        say(f"not read: {error.code} series {series_uid}: {error}", err=True)
    if found.series:
        return Headers(list(found.series), unread + len(found.left_out))
    others = counted(len(catalogue.candidates), "other file or object", "other files or objects")
    raise nothing_found("DICOM image", paths, f", {others}")


def _say_unreadable(catalogue: Catalogue) -> int:
    """Name the files that are damaged: no rule has seen them. Return how many they are."""
    unread = catalogue.unreadable
    for candidate in unread[:_SHOWN_AT_MOST]:
        say(
            f"not read: {candidate.error_code} {candidate.error_message}",
            err=True,
        )
    if len(unread) > _SHOWN_AT_MOST:
        more = counted(len(unread) - _SHOWN_AT_MOST, "more file", "more files")
        say(f"not read: {more}; `biomarker scan` lists them", err=True)
    return len(unread)

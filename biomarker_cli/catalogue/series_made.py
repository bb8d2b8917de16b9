"""What the records of a series make, as text: by whichever process, and as the index keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from biomarker_cli.catalogue.records import FileRecord, pack_candidates, unpack_files
from biomarker_cli.catalogue.series import refused_series, series_candidates, stopped


class SeriesMade(NamedTuple):
    """What the files of a series made.

    Attributes
    ----------
    candidates : str
        As `unpack_candidates` reads them.
    is_lasting : bool
        Whether the same files make the same at another time. Copies are told by looking
        into their files, which may not be read another time.
    """

    candidates: str
    is_lasting: bool


def made_of(records: Sequence[tuple[str, FileRecord]]) -> SeriesMade:
    """Return what a series makes.

    Parameters
    ----------
    records : sequence of (str, FileRecord)
        Path and record of every file of it, in the order of the paths.
    """
    described = unpack_files(records)
    instances = [instance for instance, _ in described]
    try:
        made = pack_candidates(series_candidates(described))
    except Exception as unexpected:  # noqa: BLE001 - the row of its series; others go on
        defect = stopped("SERIES-INTERNAL", "series", unexpected)
        return SeriesMade(pack_candidates([refused_series(instances, defect)]), is_lasting=False)
    n_distinct = len({instance.sop_instance_uid for instance in instances})
    return SeriesMade(made, n_distinct == len(instances))

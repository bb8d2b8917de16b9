"""What the records of a series make: by whichever process, and as the index keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.records import (
    FileRecord,
    pack_candidates,
    unpack_candidates,
    unpack_files,
)
from biomarker_cli.catalogue.series import refused_series, series_candidates, stopped


class SeriesMade:
    """What the files of a series made; to another process it goes as text.

    Parameters
    ----------
    candidates : list of VolumeCandidate
    is_lasting : bool
        Whether the same files make the same at another time. Copies are told by looking
        into their files, which may not be read another time.

    Attributes
    ----------
    text : str
        The candidates as `unpack_candidates` reads them.
    is_lasting : bool
    """

    def __init__(self, candidates: list[VolumeCandidate], *, is_lasting: bool) -> None:
        self.text = pack_candidates(candidates)
        self.is_lasting = is_lasting
        self._candidates: list[VolumeCandidate] | None = candidates

    @property
    def candidates(self) -> list[VolumeCandidate]:
        """The candidates, which are the same whether they were text meanwhile or not."""
        return unpack_candidates(self.text) if self._candidates is None else self._candidates

    def __getstate__(self) -> dict[str, object]:
        """Return what another process may have: unpacking is faster than pickling each slice."""
        return {**self.__dict__, "_candidates": None}


def made_of(records: Sequence[tuple[str, FileRecord]]) -> SeriesMade:
    """Return what a series makes.

    Parameters
    ----------
    records : sequence of (str, FileRecord)
        Path and record of every file of it, in the order of the paths.
    """
    described = unpack_files(records)
    instances = [instance for instance, _ in described]
    n_distinct = len({instance.sop_instance_uid for instance in instances})
    try:
        return SeriesMade(series_candidates(described), is_lasting=n_distinct == len(instances))
    except Exception as unexpected:  # noqa: BLE001 - the row of its series; others go on
        defect = stopped("SERIES-INTERNAL", "series", unexpected)
        return SeriesMade([refused_series(instances, defect)], is_lasting=False)

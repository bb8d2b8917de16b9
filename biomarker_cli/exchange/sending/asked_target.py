"""What a target is asked: the same queries as of a source."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from biomarker_cli.exchange.fetching.errors import SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import Query, Remote, RemoteSeries


class AskedTarget:
    """The half of a target that asks what it holds.

    Parameters
    ----------
    asking : Remote
        Of the same place.
    """

    def __init__(self, asking: Remote) -> None:
        self._asking = asking
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Open what the queries go by."""
        self._open.enter_context(self._asking)
        return self

    def __exit__(self, *_: object) -> None:
        """End what is open."""
        self._open.close()

    def has_study(self, study_uid: str) -> bool:
        """Tell whether it holds a series of the study."""
        return bool(self._asking.find_series(Query(study_uid=study_uid)))

    def held(self, series: RemoteSeries) -> set[str]:
        """Return the SOP Instance UIDs that it holds of a series."""
        try:
            return {one.sop_instance_uid for one in self._asking.find_instances(series)}
        except SeriesRefusedError as error:
            # Some say so of a series that they do not have.
            if error.code == "FETCH-NOT-FOUND":
                return set()
            raise

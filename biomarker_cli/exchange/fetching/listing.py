"""Which series match what was asked for, where some of the queries may fail."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.queries import AskedFor
from biomarker_cli.exchange.fetching.remote import Query, Remote, RemoteSeries
from biomarker_cli.exchange.fetching.storing import SeriesStore

PAUSES_S = (1.0, 4.0)
"""Before the second and third try; a source that restarts is back by then."""

LOST_IN_A_ROW = 2
"""So many queries or series that a source was lost over: the rest is not tried."""


@dataclass
class Listed:
    """What matches.

    Attributes
    ----------
    series : list of RemoteSeries
        None of them twice.
    unmatched : list of AskedFor
        Queries that nothing matches.
    problems : list of (AskedFor, RemoteError)
        Queries that were not answered.
    """

    series: list[RemoteSeries] = field(default_factory=list)
    unmatched: list[AskedFor] = field(default_factory=list)
    problems: list[tuple[AskedFor, RemoteError]] = field(default_factory=list)


def list_series(
    remote: Remote, asked: Iterable[AskedFor], pauses_s: Sequence[float] = PAUSES_S
) -> Listed:
    """Return the series that match any of some queries; one that fails stops no other.

    Raises
    ------
    RemoteError
        Where the source says no to everything, or was lost over several in a row.
    """
    found = Listed()
    series: dict[RemoteSeries, None] = {}
    n_lost = 0
    for one in asked:
        try:
            matching = _found(remote, one.query, pauses_s)
        except SourceRefusedError:
            raise
        except RemoteError as error:
            found.problems.append((one, error))
            n_lost = 0 if isinstance(error, SeriesRefusedError) else n_lost + 1
            if n_lost >= LOST_IN_A_ROW:
                raise
            continue
        n_lost = 0
        if not matching:
            found.unmatched.append(one)
        series.update(dict.fromkeys(matching))
    if found.problems and not series and not found.unmatched:
        raise found.problems[-1][1]
    found.series = list(series)
    return found


def _found(remote: Remote, query: Query, pauses_s: Sequence[float]) -> list[RemoteSeries]:
    """Return what matches a query, which is asked again where the source was lost."""
    for pause in pauses_s:
        try:
            return remote.find_series(query)
        except SeriesRefusedError:
            raise
        except RemoteError:
            time.sleep(pause)
    return remote.find_series(query)


def counted_series(
    remote: Remote, series: Iterable[RemoteSeries], output: Path | None
) -> list[dict[str, Any]]:
    """Return how many instances each series has, and how many are whole in a folder.

    Returns
    -------
    list of dict
        ``study_uid``, ``series_uid``, ``modality``, ``n_expected``, ``n_on_disk`` and
        ``error_code`` where it could not be asked.
    """
    rows = []
    n_lost = 0
    code = ""
    for one in series:
        n_expected = n_here = None
        if n_lost < LOST_IN_A_ROW:
            code = ""
            try:
                uids = [found.sop_instance_uid for found in remote.find_instances(one)]
                n_expected = len(uids)
                if output is not None:
                    n_here = n_expected - len(SeriesStore(output, one, uids).missing)
                n_lost = 0
            except SourceRefusedError:
                raise
            except RemoteError as error:
                code = error.code
                n_lost = 0 if isinstance(error, SeriesRefusedError) else n_lost + 1
        rows.append(
            {
                "study_uid": one.study_uid,
                "series_uid": one.series_uid,
                "modality": one.modality,
                "n_expected": n_expected,
                "n_on_disk": n_here,
                "error_code": code,
            }
        )
    return rows

"""Does a scan meet an acquisition protocol."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.measured import load_measured
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.results import CHECK_COLUMNS, TOLD_BESIDE
from biomarker_cli.acquisition.series_below import series_below
from biomarker_cli.acquisition.waivers import (
    apply_waivers,
    load_waivers,
    require_known_rules,
    unused,
)
from biomarker_cli.api.paths import PathLike, paths_of, warn
from biomarker_cli.model.errors import InputNotFoundError

if TYPE_CHECKING:
    import pandas as pd

    from biomarker_cli.acquisition.series import SeriesHeaders


def check(
    paths: PathLike | Iterable[PathLike],
    protocol: PathLike,
    *,
    waivers: PathLike | None = None,
    measured: PathLike | None = None,
) -> pd.DataFrame:
    """Judge every series below some paths by an acquisition protocol.

    Parameters
    ----------
    paths : path, or iterable of paths
    protocol : str or path
        ``id[@version]`` or a file.
    waivers : path, optional
        Accepted deviations.
    measured : path, optional
        What no header tells, such as the recovery of a phantom.

    Returns
    -------
    DataFrame
        A row for each rule and what it was judged on, with the columns of
        ``checks.csv`` and behind them title, level, section, n_missing, reason, why and
        fix. Nothing that cannot be judged passes.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    ProtocolError
        Where the protocol, the waivers or what was measured cannot be used.

    Warns
    -----
    BiomarkerWarning
        Of a file or series that cannot be read: no rule has seen it; of a waiver that
        speaks of no row.
    """
    import pandas as pd

    loaded = load_acquisition(str(protocol))
    accepted = load_waivers(Path(waivers)) if waivers is not None else ()
    require_known_rules(accepted, [loaded])
    told = load_measured(Path(measured)) if measured is not None else ()
    series, left_out = _read(paths_of(paths))
    results = evaluate(loaded, series, measured=told)
    idle = [
        f"the waiver for {w.protocol} {w.rule} speaks of no row" for w in unused(accepted, results)
    ]
    for text in (*left_out, *idle):
        warn(text)
    judged = apply_waivers(results, accepted, datetime.now(UTC).date())
    rows = [one.row() | {name: getattr(one, name) for name in TOLD_BESIDE} for one in judged]
    return pd.DataFrame(rows, columns=[*CHECK_COLUMNS, *TOLD_BESIDE])


def _read(paths: tuple[Path, ...]) -> tuple[list[SeriesHeaders], list[str]]:
    """Return every image series, and what could not be read."""
    found = series_below(paths)
    unread = found.catalogue.unreadable
    left_out = [f"not read: {one.error_code} {one.error_message}" for one in unread]
    left_out += [f"not read: {e.code} series {uid}: {e}" for uid, e in found.left_out]
    if not found.series:
        named = ", ".join(map(str, paths))
        raise InputNotFoundError("NOTHING-FOUND", f"no DICOM image below {named}")
    return list(found.series), left_out

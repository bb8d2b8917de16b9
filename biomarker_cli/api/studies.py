"""Studies: read their file, run them, and read what a run gave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.api.paths import PathLike, paths_of

if TYPE_CHECKING:
    import pandas as pd

    from biomarker_cli.model.exit_codes import ExitCode
    from biomarker_cli.study.study_file import Study


def load_study(path: PathLike, *, allowed: PathLike | Iterable[PathLike] = ()) -> Study:
    """Read a study file, its list of cases and all that they name.

    Parameters
    ----------
    path : path
    allowed : path, or iterable of paths
        Folders outside that of the study in which it may name files.

    Raises
    ------
    StudyError
        With the line, where something in them cannot be used.
    """
    from biomarker_cli.study.study_file import load_study as load

    return load(Path(path), paths_of(allowed))


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended.

    Attributes
    ----------
    folder : Path
        Where the tables are; `read_results` reads them.
    exit_code : ExitCode
        What the command line would have ended with: 0 where all was measured, 5 where
        some cases or regions failed, 6 where all did.
    n_kept : int
        Cases whose results were there before.
    remarks : tuple of str
        What was found wrong with the folder, and mended.
    """

    folder: Path
    exit_code: ExitCode
    n_kept: int
    remarks: tuple[str, ...]


def run(
    study: Study | PathLike,
    folder: PathLike,
    *,
    jobs: int = 1,
    fresh: bool = False,
    retry_failed: bool = False,
    timeout_s: float | None = None,
) -> FinishedRun:
    """Measure a study, and write its tables.

    What has been measured and has not changed is kept: call it again to go on after an
    interruption. A case that fails leaves a row; the others go on.

    Parameters
    ----------
    study : Study or path
    folder : path
        For tables and results.
    jobs : int
        Worker processes. With more than one, the module that calls this is imported by
        each: call it below ``if __name__ == "__main__":``.
    fresh : bool
        Trust nothing kept.
    retry_failed : bool
        Measure failed cases again.
    timeout_s : float, optional
        Longest time for one case.

    Raises
    ------
    StudyError
        ``OUTPUT-EXISTS``, ``RUN-BUSY``, ``OVERRIDE-UNUSED``.
    """
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.study.planning import StudyPlanner
    from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
    from biomarker_cli.study.study_file import Study, with_key

    loaded = with_key(study if isinstance(study, Study) else load_study(study), writes=True)
    index = FileIndex.of_user(trusted=not fresh)
    planner = StudyPlanner(loaded, index, jobs=jobs, limit_s=timeout_s)
    options = RunOptions(jobs, fresh, retry_failed, timeout_s=timeout_s)
    report = run_study(StudyRun.of_study(loaded, planner), Path(folder), options)
    return FinishedRun(report.folder, report.exit_code, report.n_kept, report.remarks)


def read_results(folder: PathLike) -> pd.DataFrame:
    """Read the measurements of a run, or of a pool, with what their cases and features are.

    Parameters
    ----------
    folder : path
        That a run wrote. Its tables must be what ``datapackage.json`` says.

    Returns
    -------
    DataFrame
        A row for each measurement: the columns of ``measurements.csv``, ``site_id``,
        ``subject_id``, ``timepoint``, ``role`` and ``modality`` of its case, and
        ``family``, ``aggregation`` and ``ibsi_id`` of its feature. ``value`` is float64;
        everything else is categorical. Take the column ``flags`` by ``frame["flags"]``:
        pandas has an attribute of that name.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``,
        ``TABLE-VALUE``.
    """
    from biomarker_cli.tables.joined import joined_measurements

    return joined_measurements(Path(folder))

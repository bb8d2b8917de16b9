"""Measure one image, as ``biomarker extract`` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from biomarker_cli.api.paths import PathLike, paths_of, warn
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.model.errors import CaseError
from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
from biomarker_cli.study.single import SingleCase, plan_single
from biomarker_cli.study.terms import StudyTerms
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

    from biomarker_cli.study.packed import PackedResult


def measure(
    image: PathLike | Iterable[PathLike],
    mask: PathLike,
    analysis: PathLike,
    *,
    roi: str | Iterable[str] = (),
    series: str = "",
    quantity: str | None = None,
    overrides: PathLike | None = None,
) -> pd.DataFrame:
    """Measure the regions of one image by an analysis protocol.

    Parameters
    ----------
    image : path, or iterable of paths
        Folder or file of DICOM, or NIfTI, NRRD or MetaImage; several for one series per
        b-value.
    mask : path
        RTSTRUCT, SEG, NIfTI, NRRD or MetaImage.
    analysis : str or path
        ``id[@version]`` or a file.
    roi : str or iterable of str
        Only these regions.
    series : str
        Which series, of several.
    quantity : str, optional
        What the numbers of an image file without header mean.
    overrides : path, optional
        Audited override file of PET header values.

    Returns
    -------
    DataFrame
        The rows of ``measurements.csv``: ``case_id``, ``roi_id``, ``analysis_id``,
        ``feature_id``, ``value`` (float64, NaN where there is none), ``unit``,
        ``status``, ``flags``, ``usable``.

    Raises
    ------
    CaseError
        With the code of the case, where it could not be measured at all.
    BiomarkerError
        Where the image, the mask or the analysis cannot be used.

    Warns
    -----
    BiomarkerWarning
        Of each region that was not measured, with its code.
    """
    single = SingleCase(
        measure=load_analysis(str(analysis)).protocol.measure,
        images=paths_of(image),
        mask=Path(mask),
        analysis=str(analysis),
        series=series,
        quantity=quantity,
        rois=(roi,) if isinstance(roi, str) else tuple(roi),
        overrides=None if overrides is None else Path(overrides),
    )
    planned = plan_single(single)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        study = StudyRun(StudyTerms("extract", planned.protocols), planned)
        (result,) = run_study(study, folder, RunOptions(fresh=True)).results
        failed = _require_measured(result)
        for text in failed:
            warn(text)
        return read_table(MEASUREMENTS, folder)[list(MEASUREMENTS.column_names)]


def _require_measured(result: PackedResult) -> list[str]:
    """Return what was not measured; refuse where that is all."""
    head = result.head
    failed = [
        f"{roi.roi_id}: {roi.status} {roi.error_code} {roi.error_message}".rstrip()
        for roi in head.rois
        if roi.status not in {"ok", "skipped"}
    ]
    if head.error_code:
        raise CaseError(head.error_code, head.error_message, hint="; ".join(failed))
    return failed

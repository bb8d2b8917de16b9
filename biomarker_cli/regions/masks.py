"""Write regions as NIfTI masks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.regions.result import RoiResult

_UNSAFE = re.compile(r"[^\w.+#-]+")


def write_masks(results: Iterable[RoiResult], folder: Path) -> list[Path]:
    """Write each region as ``<roi_id>.nii.gz``: 1 inside, 0 outside.

    Parameters
    ----------
    results : iterable of RoiResult
        Those without a region are left out.
    folder : Path
        Made where it does not exist.

    Returns
    -------
    list of Path
        In the order of the regions. Characters that do not belong in a file
        name are replaced by ``_``; names that become equal are numbered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    written = []
    for result in results:
        if result.region is None:
            continue
        name = file_name(result.roi_id, taken)
        taken.add(name.casefold())
        path = folder / f"{name}.nii.gz"
        write_nifti(result.region.mask, result.region.geometry, path)
        written.append(path)
    return written


def file_name(roi_id: str, taken: set[str]) -> str:
    """Return a file name for a ROI that is none of those taken (in any case)."""
    base = _UNSAFE.sub("_", roi_id).strip("._") or "roi"
    name, number = base, 2
    while name.casefold() in taken:
        name, number = f"{base}_{number}", number + 1
    return name

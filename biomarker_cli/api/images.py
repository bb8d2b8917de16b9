"""What lies in folders, an image as a volume, and the regions of a segmentation on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.api.paths import PathLike, paths_of
from biomarker_cli.catalogue.choosing import named_images, single_candidate
from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.imaging.image_words import require_used

if TYPE_CHECKING:
    import pandas as pd

    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.model.arrays import FloatArray
    from biomarker_cli.regions.result import RoiResult


def scan(paths: PathLike | Iterable[PathLike], *, dates: bool = False) -> pd.DataFrame:
    """Index the files below some paths.

    Parameters
    ----------
    paths : path, or iterable of paths
        Files or folders.
    dates : bool
        Whether a column tells the date of the examination.

    Returns
    -------
    DataFrame
        A row for each volume and each other object, with the columns of
        ``biomarker scan``; what was refused has an ``error_code``.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    """
    import pandas as pd

    from biomarker_cli.catalogue.catalogue import scan as scan_paths
    from biomarker_cli.catalogue.rows import COLUMN_TYPES, DATE_COLUMNS, scan_rows

    rows = scan_rows(scan_paths(paths_of(paths)), dates=dates)
    names = [*COLUMN_TYPES, *(DATE_COLUMNS if dates else ())]
    frame = pd.DataFrame(rows, columns=names)
    numbers = {int: "Int64", float: "float64"}
    types = {name: numbers[kind] for name, kind in COLUMN_TYPES.items() if kind in numbers}
    return frame.astype(types)


def read_volume(path: PathLike, *, series: str = "", quantity: str | None = None) -> Volume:
    """Read an image.

    Parameters
    ----------
    path : path
        Folder or file of DICOM, or NIfTI, NRRD or MetaImage.
    series : str
        SeriesInstanceUID or volume id, where the folder holds several.
    quantity : str, optional
        What the numbers of an image file without header mean: ``hu``, ``suvbw``, ``adc``
        or ``signal``.

    Returns
    -------
    Volume
        ``array`` of shape (z, y, x), rescaled; ``geometry`` in LPS mm; ``quantity``
        with its unit. A PET series is as it was stored: `suv_factor` says what makes SUV.

    Raises
    ------
    ConfigurationError
        ``QUANTITY-UNUSED``, ``SERIES-UNUSED``.
    ImageError
        ``IMAGE-NO-QUANTITY``.
    BiomarkerError
        Where there is no such image, more than one, or it makes no volume.
    """
    place = Path(path)
    require_used([place], series, quantity)
    if is_image_file(place):
        return _declared(place, quantity)
    from biomarker_cli.catalogue.reading import read_volume as read_candidate

    return read_candidate(_single(place, series))


def _declared(path: Path, quantity: str | None) -> Volume:
    from biomarker_cli.imaging.files import read_image_file
    from biomarker_cli.model.quantity import DECLARABLE, QUANTITIES

    if quantity not in DECLARABLE:
        found = "nothing is declared" if quantity is None else f"found {quantity!r}"
        raise ImageError(
            "IMAGE-NO-QUANTITY",
            f"the file does not say what its numbers mean, and {found}",
            where=path.name,
            hint=f"Declare it with quantity=, one of {', '.join(DECLARABLE)}.",
        )
    return read_image_file(path, QUANTITIES[quantity])


def _single(path: Path, series: str) -> VolumeCandidate:
    from biomarker_cli.catalogue.catalogue import scan as scan_paths

    return single_candidate(named_images(scan_paths([path]).candidates, series))


def read_regions(
    segmentation: PathLike, image: PathLike, *, series: str = "", analysis: PathLike | None = None
) -> tuple[RoiResult, ...]:
    """Import the ROIs of a segmentation onto the grid of an image.

    Parameters
    ----------
    segmentation : path
        RTSTRUCT, SEG, NIfTI, NRRD or MetaImage.
    image : path
        The image that they are to be voxels of.
    series : str
        Which one, of several; without it, the one that the segmentation refers to.
    analysis : str or path, optional
        Analysis protocol whose rules for regions and names of ROIs hold; without one the
        strict rules do.

    Returns
    -------
    tuple of RoiResult
        One for each ROI: ``region`` (its ``mask`` is bool of shape (z, y, x), None where
        the ROI could not be imported), ``status``, ``error_code``, ``flags``, ``audit``.

    Raises
    ------
    BiomarkerError
        Where the segmentation or the image cannot be read.
    """
    from biomarker_cli.regions.image_target import image_target
    from biomarker_cli.regions.importing import import_regions
    from biomarker_cli.regions.rules import RegionRules

    rules, names = RegionRules(), None
    if analysis is not None:
        from biomarker_cli.case.analysis import load_analysis

        protocol = load_analysis(str(analysis)).protocol
        rules, names = protocol.regions, protocol.rois
    target, _ = image_target(Path(image), series, Path(segmentation))
    return tuple(import_regions(Path(segmentation), target, rules, names))


@dataclass(frozen=True, eq=False)
class SuvFactor:
    """What makes SUV of a PET series, and where it comes from.

    Attributes
    ----------
    image : str
        Name of the first normalisation, such as ``suvbw``.
    per_slice : ndarray of float64, shape (z,)
        Factors to the rescaled voxels that `read_volume` gives.
    flags : tuple of str
    derivation : dict
        Every input with its tag, every conversion, every candidate for the reference
        time: what ``biomarker suv-explain --format json`` prints.
    """

    image: str
    per_slice: FloatArray
    flags: tuple[str, ...]
    derivation: dict[str, Any]


def suv_factor(
    path: PathLike,
    *,
    series: str = "",
    analysis: PathLike = "fdg-suv",
    overrides: PathLike | None = None,
) -> SuvFactor:
    """Derive the SUV factor of a PET series from its headers.

    Parameters
    ----------
    path : path
        Folder or file of DICOM.
    series : str
        SeriesInstanceUID or volume id, where the folder holds several.
    analysis : str or path
        Analysis protocol whose limits and normalisations hold.
    overrides : path, optional
        Audited override file of header values.

    Raises
    ------
    SuvError
        Where the headers give no SUV: its code says why.
    BiomarkerError
        Where there is no such series, more than one, or it makes no volume.
    """
    from biomarker_cli.catalogue.reading import read_frames, read_volume
    from biomarker_cli.pet.overrides import load_overrides
    from biomarker_cli.pet.rules import load_suv_rules
    from biomarker_cli.pet.suv import PetFrames, explain_suv

    candidate = _single(Path(path), series)
    geometry = candidate.geometry
    if geometry is None:
        geometry = read_volume(candidate).geometry  # raises the reason why it is no volume
    found = explain_suv(
        PetFrames(read_frames(candidate), geometry.voxel_volume_ml),
        load_suv_rules(str(analysis)),
        None,
        load_overrides(Path(overrides)) if overrides is not None else (),
    )
    if found.error:
        raise found.error
    said = found.derivation
    factors = np.asarray(said["factor_per_slice"], dtype=np.float64)
    return SuvFactor(said["image"], factors, tuple(said.get("flags", ())), said)

"""Open a segmentation file of any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.imaging.files import files_of_image, is_image_file
from biomarker_cli.imaging.refusals import too_large
from biomarker_cli.imaging.stored import Contents
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.inputs import InputFiles, require_regular
from biomarker_cli.regions.label_images import label_table_of, open_label_image
from biomarker_cli.regions.slicer import is_slicer_segmentation, open_slicer_segmentation

if TYPE_CHECKING:
    from biomarker_cli.regions.entries import Segmentation


def files_of_segmentation(path: Path, contents: Contents | None = None) -> list[Path]:
    """Return every file that a segmentation is read from: itself, and what goes with it.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of `path`, if they are in memory.

    Raises
    ------
    ImageFileError
        As `files_of_image` does.
    RegionError
        ``REGION-LABEL-TABLE`` where the table of names is no regular file.
    """
    if not is_image_file(path):
        return [path]
    return [*files_of_image(path, contents), *filter(None, [label_table_of(path)])]


def open_segmentation(path: Path, contents: Contents | None = None) -> Segmentation:
    """Open an RTSTRUCT, a DICOM SEG or a label image.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of the files of the segmentation (`files_of_segmentation`): those of a case.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND`` where there is no such file.
    RegionError
        ``REGION-KIND`` for a DICOM object that is no segmentation.
    ImageFileError
        ``FILE-NOT-REGULAR`` for a pipe or a device, ``IMAGE-FILE-TOO-LARGE`` where there is
        not the memory for its voxels.
    CaseError
        Where the file cannot be read.
    """
    if contents is None or path not in contents:
        _require_file(path)
    try:
        return _open(path, contents)
    except MemoryError as error:
        raise too_large(path, "there is not the memory for its regions") from error


def _open(path: Path, contents: Contents | None) -> Segmentation:
    if is_slicer_segmentation(path):
        return open_slicer_segmentation(path, contents)
    if is_image_file(path):
        return open_label_image(path, contents)
    return _open_dicom(path, InputFiles() if contents is None else contents)


def _require_file(path: Path) -> None:
    # Tables hold the message: no path of this machine stands in it.
    if path.is_dir():
        raise InputNotFoundError(
            "PATH-NOT-FOUND",
            "expected a file, found a folder",
            where=path.name,
            hint="Name the file, not its folder.",
        )
    if not path.exists():
        raise InputNotFoundError(
            "PATH-NOT-FOUND", "no such file", where=path.name, hint="Check the spelling."
        )
    require_regular(path)


def _open_dicom(path: Path, contents: Contents) -> Segmentation:
    # Label images do without pydicom and its decoders, which take a while to load.
    from biomarker_cli.dicom.files import content_of
    from biomarker_cli.dicom.frames import FrameHeader
    from biomarker_cli.dicom.headers import parse_header
    from biomarker_cli.dicom.segment_frames import read_with_pixels
    from biomarker_cli.regions.dicom_seg import LABEL_MAP_SEGMENTATION, SEGMENTATION, DicomSeg
    from biomarker_cli.regions.errors import RegionError
    from biomarker_cli.regions.rtstruct import RT_STRUCTURE_SET, RtStruct

    content = content_of(contents, path)
    header = parse_header(content, path)
    sop_class = str(FrameHeader(header, 0, path).get("SOPClassUID", ""))
    if sop_class == RT_STRUCTURE_SET:
        return RtStruct(path, header)
    if sop_class in {SEGMENTATION, LABEL_MAP_SEGMENTATION}:
        return DicomSeg(path, read_with_pixels(content, path))
    raise RegionError(
        "REGION-KIND",
        f"expected an RT Structure Set or a Segmentation, found SOP class {sop_class or 'none'}",
        where=f"{path.name}, SOPClassUID (0008,0016)",
        hint="An image cannot be the mask of another image.",
    )

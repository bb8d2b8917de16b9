"""Write the objects of a run case by case: one that cannot be made is a row with a code."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.exchange.errors import ExchangeError, NotExportedError
from biomarker_cli.exchange.results.objects_table import OBJECTS, ObjectRow
from biomarker_cli.exchange.results.outgoing_run import OutgoingCase, OutgoingRun, named_rows
from biomarker_cli.exchange.results.segmentation import (
    OutgoingRegion,
    RegionsOfImage,
    segmentation,
    uids_of,
)
from biomarker_cli.exchange.results.source_images import SourceImages
from biomarker_cli.exchange.uids import is_standard_uid
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.file_names import FileNames, file_stem
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.tables.columns import read_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import KeptIndex, case_folder, read_mask
from biomarker_cli.tables.writing import write_table

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_OBJECT_NAME = re.compile(r"[^./\\\0:][^/\\\0:]*\.dcm")
"""As `FileNames` gives them: in the folder itself, and not hidden."""


@dataclass(frozen=True)
class Outgoing:
    """A run that is handed out: what it measured, on which images, under whose name.

    Attributes
    ----------
    run : OutgoingRun
    sources : SourceImages
    uids : UidMap or None
        None keeps patient and study of the source.
    """

    run: OutgoingRun
    sources: SourceImages
    uids: UidMap | None

    def identity(self, case: OutgoingCase) -> OutgoingIdentity:
        """Return whom the objects of a case name."""
        return OutgoingIdentity(case.subject_id if self.uids else "", self.uids)

    def tracking_uids(self) -> dict[tuple[str, str], str]:
        """Return the TrackingUID that each region came with, by case and ROI."""
        return {
            (row["case_id"], row["roi_id"]): uid
            for row in named_rows(self.run.table("rois"), "case_id", "roi_id")
            if is_standard_uid(uid := row.get("tracking_uid", ""))
        }


class ObjectFolder:
    """Takes objects, and writes the table of them; those of an earlier table go.

    Parameters
    ----------
    folder : Path
        Objects that its table lists and that are not written anew are removed at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._earlier = listed_objects(folder)
        self._names = FileNames()
        self.rows: list[ObjectRow] = []

    def take(
        self, written: Dataset, case: OutgoingCase, kind: str, image: str, n_items: int | None
    ) -> None:
        """Write an object under a name that is made of its case."""
        stem = self._names.of("__".join(filter(None, (file_stem(case.case_id), image, kind))))
        stream = io.BytesIO()
        written.save_as(stream, enforce_file_format=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._folder / f"{stem}.dcm", stream.getvalue())
        self.rows.append(
            ObjectRow(
                case_id=case.case_id,
                kind=kind,
                image=image,
                status="written",
                file=f"{stem}.dcm",
                sop_instance_uid=str(written.SOPInstanceUID),
                series_uid=str(written.SeriesInstanceUID),
                study_uid=str(written.StudyInstanceUID),
                n_items=n_items,
            )
        )

    def refuse(self, error: BiomarkerError, case: OutgoingCase, kind: str, image: str = "") -> None:
        """Note why an object could not be made."""
        self.rows.append(
            ObjectRow(
                case_id=case.case_id,
                kind=kind,
                image=image,
                status="failed",
                error_code=error.code,
                error_message=error.message,
            )
        )

    def close(self) -> None:
        """Write the table, and remove what only the earlier one listed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_table(OBJECTS, map(asdict, self.rows), self._folder)
        for name in self._earlier.keys() - {row.file for row in self.rows}:
            path = self._folder / name
            if _is_object(path, self._earlier[name]):
                path.unlink()


def listed_objects(folder: Path) -> dict[str, str]:
    """Return file name -> SOPInstanceUID of the objects that a table in a folder lists.

    What it calls by no plain name of an object is left alone; a table that cannot be read
    lists nothing.
    """
    path = folder / OBJECTS.file_name
    if not path.is_file():
        return {}
    try:
        texts = read_columns(path, ("file", "sop_instance_uid"), (), ()).texts
    except TableError:
        return {}
    files, uids = texts["file"], texts["sop_instance_uid"]
    pairs = ((files[row].strip(), uids[row].strip()) for row in range(len(files)))
    return {name: uid for name, uid in pairs if uid and _OBJECT_NAME.fullmatch(name)}


def _is_object(path: Path, sop_instance_uid: str) -> bool:
    """Tell whether a file is still the object that a table listed: it may be another's by now."""
    from biomarker_cli.dicom.headers import read_header

    if path.is_symlink() or not path.is_file():
        return False
    try:
        return str(read_header(path).get("SOPInstanceUID", "")) == sop_instance_uid
    except BiomarkerError:
        return False


def export_segmentations(
    outgoing: Outgoing, folder: Path, cases: Iterable[OutgoingCase]
) -> list[ObjectRow]:
    """Write a Segmentation for each image of each case that has regions.

    Parameters
    ----------
    outgoing : Outgoing
    folder : Path
    cases : iterable of OutgoingCase

    Returns
    -------
    list of ObjectRow
        Those of ``objects.csv``.
    """
    objects, tracking = ObjectFolder(folder), outgoing.tracking_uids()
    for case in cases:
        try:
            found = regions_of_case(outgoing, case, tracking)
        except BiomarkerError as error:
            objects.refuse(error, case, "seg")
            continue
        for source in found:
            try:
                written = segmentation_of(outgoing, case, source)
            except BiomarkerError as error:
                objects.refuse(error, case, "seg", source.image)
                continue
            objects.take(written, case, "seg", source.image, len(source.regions))
    objects.close()
    return objects.rows


def segmentation_of(outgoing: Outgoing, case: OutgoingCase, source: RegionsOfImage) -> Dataset:
    """Return the Segmentation of an image of a case."""
    identity, created = outgoing.identity(case), outgoing.run.created
    return segmentation(source, identity, created, uids_of(source, identity, created))


def regions_of_case(
    outgoing: Outgoing, case: OutgoingCase, tracking: dict[tuple[str, str], str]
) -> list[RegionsOfImage]:
    """Return what is kept of the regions of a case, image by image.

    Raises
    ------
    TableError, KeptFileError
        ``KEPT-NOT-FOUND``, ``KEPT-DAMAGED``.
    NotExportedError
        ``EXPORT-KEPT-OLD``, ``EXPORT-NO-MASK``, ``EXPORT-NO-IMAGE``.
    """
    index = outgoing.run.kept(case)
    by_image: dict[str, list[OutgoingRegion]] = {}
    for image, one in _masks(outgoing.run.folder, index, tracking):
        by_image.setdefault(image, []).append(one)
    if not by_image:
        raise NotExportedError(
            "EXPORT-NO-MASK",
            "the run keeps no mask of the case that has a voxel",
            where=case.case_id,
            hint="Write `keep: [masks]` into the study and run it again.",
        )
    found = []
    for image, regions in sorted(by_image.items()):
        frames = outgoing.sources.frames(case, regions[0].region.geometry)
        found.append(RegionsOfImage(case.case_id, image, case.result_key, frames, tuple(regions)))
    return found


def _masks(
    run: Path, index: KeptIndex, tracking: dict[tuple[str, str], str]
) -> Iterable[tuple[str, OutgoingRegion]]:
    folder = case_folder(run, index.case_id)
    for file in sorted(index.of_kind("masks"), key=lambda one: (one.image, one.roi_id)):
        region = read_mask(folder, file).region
        if region.n_voxels:
            uid = tracking.get((index.case_id, file.roi_id), "")
            yield file.image, OutgoingRegion(file.roi_id, region, file.sha256, uid)


def chosen_cases(run: OutgoingRun, wanted: Sequence[str]) -> tuple[OutgoingCase, ...]:
    """Return the cases of a run with one of some ids, or all of them where none is named.

    Raises
    ------
    ExchangeError
        ``EXPORT-NO-CASE`` where one is not among those that were measured.
    """
    known: dict[str, Any] = {case.case_id: case for case in run.cases}
    for case_id in wanted:
        if case_id not in known:
            raise ExchangeError(
                "EXPORT-NO-CASE",
                f"no such case was measured: {case_id}",
                where=str(run.folder),
                hint="cases.csv names them.",
            )
    return tuple(known[one] for one in dict.fromkeys(wanted)) or run.cases

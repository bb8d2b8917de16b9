"""The kept maps of a case as DICOM Parametric Maps, to which its numbers refer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.exchange.results.segmentation import RegionsOfImage, built, settle
from biomarker_cli.imaging.parametric_map import parametric_map
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.tables.kept import case_folder, read_map

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from biomarker_cli.exchange.results.handing_out import Outgoing
    from biomarker_cli.exchange.results.outgoing_run import OutgoingCase


class OutgoingMap(NamedTuple):
    """A map as it leaves.

    Attributes
    ----------
    analysis_id : str
        That made it.
    name : str
        First word of the ids of what is measured on it.
    written : Dataset
    """

    analysis_id: str
    name: str
    written: Dataset


def maps_of_case(
    outgoing: Outgoing, case: OutgoingCase, sources: Sequence[RegionsOfImage]
) -> Iterator[OutgoingMap]:
    """Yield each map that the run keeps of a case.

    Raises
    ------
    TableError, KeptFileError
        ``KEPT-NOT-FOUND``, ``KEPT-DAMAGED``.
    NotExportedError
        ``EXPORT-NO-IMAGE`` where a map lies on another grid than the image,
        ``EXPORT-HEADER``.
    """
    created, identity = outgoing.run.created, outgoing.identity(case)
    frames = {source.image: (source.geometry, source.frames) for source in sources}
    for file in outgoing.run.kept(case).of_kind("maps"):
        if file.image not in frames:
            # Nothing that leaves was measured on it.
            continue
        volume = read_map(case_folder(outgoing.run.folder, case.case_id), file)
        geometry, headers = frames[file.image]
        if not geometry.same_grid(volume.geometry):
            raise NotExportedError(
                "EXPORT-NO-IMAGE",
                f"the map {file.map_name} lies on another grid than its image",
                where=case.case_id,
            )
        # Its UIDs are made of this.
        named = (case.case_id, case.result_key, file.analysis_id, file.sha256, created.isoformat())
        placed = replace(volume, frames=headers, volume_id="\0".join(named))
        with built(case.case_id):
            one = QuantityMap(placed, file.map_name, {})
            written = parametric_map(one, identity, file.analysis_id)
        settle(written, created)
        yield OutgoingMap(file.analysis_id, file.map_name, written)

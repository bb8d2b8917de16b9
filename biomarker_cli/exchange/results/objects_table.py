"""``objects.csv``: what a run was handed out as, and what could not be."""

# The annotations of the row are objects: the schema reads them.
from dataclasses import dataclass
from typing import Annotated

from biomarker_cli.tables.rows import CaseId, about, columns_of
from biomarker_cli.tables.schema import Table


@dataclass(frozen=True, kw_only=True)
class ObjectRow:
    """A row of ``objects.csv``."""

    case_id: CaseId
    kind: Annotated[str, about("what the object is", "seg", "sr", "pm")]
    image: Annotated[
        str, about("name of the image of the case, of a pm map and analysis; empty for an sr")
    ] = ""
    status: Annotated[str, about("what became of it", "written", "failed")]
    file: Annotated[str, about("from the folder of the table")] = ""
    sop_instance_uid: Annotated[str, about("SOPInstanceUID")] = ""
    series_uid: Annotated[str, about("SeriesInstanceUID")] = ""
    study_uid: Annotated[str, about("StudyInstanceUID, as it leaves")] = ""
    n_items: Annotated[int | None, about("segments of a SEG, measurements of an SR, 1 of a PM")] = (
        None
    )
    n_left_out: Annotated[
        int | None, about("values of the case that an SR leaves out, as they may not be pooled")
    ] = None
    error_code: Annotated[str, about("stable code where it could not be made")] = ""
    error_message: Annotated[str, about("what was expected and found")] = ""


OBJECTS = Table(
    "objects", "DICOM object of a case", columns_of(ObjectRow), ("case_id", "kind", "image")
)
"""The table ``objects.csv`` beside the objects."""

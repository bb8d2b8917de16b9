"""``sent.csv``: what became of each file of a folder that was sent."""

# The annotations of the row are objects: the schema reads them.
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.tables.package import DATA_PACKAGE, write_datapackage
from biomarker_cli.tables.rows import about, columns_of
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

SENT, HELD, TO_SEND, NOT_DICOM = "sent", "held", "to_send", "not_dicom"
REFUSED, FAILED = "refused", "failed"
BAD = (REFUSED, FAILED)


@dataclass(frozen=True, kw_only=True)
class SentRow:
    """A row of ``sent.csv``."""

    file: Annotated[str, about("from the folder that was sent")]
    status: Annotated[
        str,
        about(
            "sent: the target took it; held: it had it before; to_send: a dry run; not_dicom: "
            "another file; refused: by us, before it was sent; failed: the target did not take it",
            SENT,
            HELD,
            TO_SEND,
            NOT_DICOM,
            REFUSED,
            FAILED,
        ),
    ]
    study_uid: Annotated[str, about("StudyInstanceUID")] = ""
    series_uid: Annotated[str, about("SeriesInstanceUID")] = ""
    sop_instance_uid: Annotated[str, about("SOPInstanceUID")] = ""
    sop_class_uid: Annotated[str, about("SOPClassUID")] = ""
    n_bytes: Annotated[int, about("size of the file")] = 0
    error_code: Annotated[str, about("stable code where it did not get there")] = ""
    error_message: Annotated[
        str, about("why, as far as the target says; of a file that was sent, its warning")
    ] = ""


SENT_FILES = Table("sent", "file of a folder that was sent", columns_of(SentRow), ("file",))
"""The table ``sent.csv``."""


def require_place(folder: Path) -> None:
    """Require a folder that is new, empty, or of an earlier sending.

    Raises
    ------
    SourceError
        ``OUTPUT-EXISTS``.
    """
    if folder.exists() and not folder.is_dir():
        raise SourceError("OUTPUT-EXISTS", f"{folder} is no folder")
    ours = {SENT_FILES.file_name, DATA_PACKAGE}
    others = sorted(one.name for one in folder.glob("*") if one.name not in ours)
    package_alone = (folder / DATA_PACKAGE).exists() and not (
        folder / SENT_FILES.file_name
    ).exists()
    if others or package_alone:
        raise SourceError(
            "OUTPUT-EXISTS",
            f"{folder} holds other files",
            hint="Choose another folder with -o.",
        )


def write_sent(rows: list[SentRow], folder: Path) -> None:
    """Write the table and its data package."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(SENT_FILES, [asdict(row) for row in rows], folder)
    write_datapackage([SENT_FILES], folder, "sent")

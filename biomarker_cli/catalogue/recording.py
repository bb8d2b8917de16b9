"""One file of a scan -> its record, whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.describing import describe_file
from biomarker_cli.catalogue.files import PASSING_CODES, FoundFile
from biomarker_cli.catalogue.instances import Defect
from biomarker_cli.catalogue.records import FileRecord, pack_defect, pack_file
from biomarker_cli.catalogue.series import stopped
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.quick_headers import HeaderReader
from biomarker_cli.model.inputs import InputError

Recorded = tuple[str, str, bool]
"""Series and text of a `FileRecord`, and whether nobody may keep it, as it may be over soon.

Plain: a named tuple takes ten times as long into a pipe.
"""


class Recorder:
    """Reads files one after another.

    Parameters
    ----------
    reader : HeaderReader, optional
        One that keeps the headers: then each is read as a whole.
    """

    def __init__(self, reader: HeaderReader | None = None) -> None:
        self._reader = reader
        self._alike = Alike()

    def __call__(self, file: FoundFile) -> Recorded:
        """Return what was read of a file."""
        # Another change might not be seen: what was read may not be what stays.
        is_passing = not file.signature.is_settled
        try:
            return (*self._record(file), is_passing)
        except (HeaderError, InputError) as error:
            defect = Defect(error.code, error.message, error.hint)
            return (*pack_defect(defect), is_passing or error.code in PASSING_CODES)
        except Exception as unexpected:  # noqa: BLE001 - the row of its file; others go on
            return (*pack_defect(stopped("FILE-INTERNAL", "file", unexpected)), True)

    def _record(self, file: FoundFile) -> FileRecord:
        if self._reader is None:
            return self._alike.record(file.path, file.signature)
        header = self._reader.read(Path(file.path), file.signature)
        return pack_file(*describe_file(header, self._reader))

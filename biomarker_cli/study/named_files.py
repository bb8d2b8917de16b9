"""NamedFiles: the paths that the rows of a study name, each looked at once for a case."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.inputs import FileSignature

_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What a row names, as it was when it was looked at.

    Attributes
    ----------
    path : Path
    status : os.stat_result or None
        None where nothing is there.
    is_image : bool
        Whether it is called as NIfTI, NRRD or MetaImage files are.
    """

    path: Path
    status: os.stat_result | None
    is_image: bool

    @property
    def is_dicom(self) -> bool:
        """Whether there is something that is to be looked through for DICOM."""
        return self.status is not None and not self.is_image

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def signature(self) -> FileSignature:
        """Its signature.

        Raises
        ------
        FileNotFoundError
            Where nothing is there.
        """
        if self.status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        return FileSignature.of(self.status)


class NamedFiles:
    """Looks at what rows name; asked again for a name, it says what it saw.

    Planning asks for each file of a case several times. The first look counts, which comes
    before anything of the case is read: who changes a file meanwhile is found out.

    Parameters
    ----------
    root : Path
        Folder of the study file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, NamedFile] = {}

    def of(self, name: str) -> NamedFile:
        """Return what a name leads to.

        Raises
        ------
        OSError
            Where the system does not say.
        """
        found = self._seen.get(name)
        if found is None:
            found = self._seen[name] = self._look(name)
        return found

    def _look(self, name: str) -> NamedFile:
        path = self._root / name
        try:
            status = path.stat()
        except OSError as error:
            if error.errno not in _NOTHING_THERE:
                raise
            status = None
        except ValueError:
            status = None  # no file has such a name
        return NamedFile(path, status, is_image_file(path))

    @property
    def signatures(self) -> dict[Path, FileSignature]:
        """Signatures of all that was looked at and is there."""
        seen = self._seen.values()
        return {one.path: FileSignature.of(one.status) for one in seen if one.status is not None}

    def forget(self) -> None:
        """Look anew from now on."""
        self._seen.clear()

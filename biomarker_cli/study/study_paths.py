"""Where the files that a study names may lie.

A study comes from somebody else: its overrides, lists, waivers, lock and protocols
are read from its own folder, or from one that the user has named. Links are
followed before that is judged.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.yaml_source import read_yaml
from biomarker_cli.study.errors import StudyError

_PROTOCOL_FILES = (".yaml", ".yml")
_DEEPEST_CHAIN = 8


@dataclass(frozen=True)
class StudyFolders:
    """The folder of a study, and those that the user allows besides.

    Attributes
    ----------
    root : Path
        Absolute; links stay as the user named them.
    allowed : tuple of Path
    """

    root: Path
    allowed: tuple[Path, ...] = ()

    def file(self, name: str, what: str) -> Path:
        """Return the path of a file that the study names.

        Parameters
        ----------
        name : str
            Relative to the folder of the study, or absolute.
        what : str
            Key of the study, for messages.

        Raises
        ------
        StudyError
            ``STUDY-PATH-OUTSIDE``; ``STUDY-INVALID`` where no file can have the name.
        """
        path = self.root / name
        self._require_inside(path, f"{what} names a file", name)
        return path

    def protocol(self, wanted: str, what: str) -> None:
        """Judge the file of a protocol, where it is one, and the files that it extends.

        Raises
        ------
        StudyError
            As `file`.
        """
        path = self.root / wanted
        for _ in range(_DEEPEST_CHAIN):
            if path.suffix not in _PROTOCOL_FILES:
                return
            self._require_inside(path, f"{what} leads to a protocol", wanted)
            try:
                extends = read_yaml(path)[0].get("extends")
            except ProtocolError:
                return  # loading it says what is wrong
            if not isinstance(extends, str):
                return
            path = path.resolve().parent / extends

    def _require_inside(self, path: Path, what: str, name: str) -> None:
        try:
            real = path.resolve()
            # `is_file` tells nothing of such names from Python 3.14 on.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.stat()
            folders = [folder.resolve() for folder in (self.root, *self.allowed)]
        except (OSError, RuntimeError, ValueError) as error:
            # A name that is too long, or links that lead round in a circle.
            raise StudyError("STUDY-INVALID", f"{what} that cannot exist") from error
        if not any(real.is_relative_to(folder) for folder in folders):
            raise StudyError(
                "STUDY-PATH-OUTSIDE",
                f"{what} outside the folder of the study: {name}",
                hint="Copy it into the folder of the study, or allow its folder with "
                "--allow-path DIR.",
            )

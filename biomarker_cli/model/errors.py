"""The error tree.

::

    BiomarkerError                 a user can meet it; it has a stable code
    ├── ConfigurationError (2)     a file or option that a person wrote
    ├── InputNotFoundError (3)     nothing there, or nothing usable there
    ├── FileSystemError (6)        the system refuses to read or write; the data are not to blame
    └── CaseError (6)              this case cannot be measured
        ├── dicom.HeaderError, dicom.PixelError
        ├── catalogue.SeriesError
        ├── imaging.ImageFileError
        ├── registration.RegistrationError
        ├── regions.RegionError
        ├── pet.SuvError
        ├── diffusion.AdcError
        ├── radiomics.RadiomicsError
        └── size.SizeError

Each room owns the codes of its own class; ``docs/errors.md`` has an entry for
every code, and a test holds the two lists together.
"""

from __future__ import annotations

from typing import Any, ClassVar

from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import bounded

MESSAGE_AT_MOST = 1000
"""Characters of a message, its place and its hint; a longer text ends in its length."""


class BiomarkerError(Exception):
    """An error that a user can meet and act upon.

    Parameters
    ----------
    code : str
        Stable name such as ``SERIES-GAP``; scripts rely on it.
    message : str
        What is wrong: expected and found.
    where : str, optional
        File, UID or tag. Never a person's name.
    hint : str, optional
        The next step.

    Attributes
    ----------
    derivation : dict
        JSON-able: how far the quantity of an image was derived until the refusal.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        # Each may quote a file, and what stands in a file may be a megabyte.
        message, where, hint = (bounded(text, MESSAGE_AT_MOST) for text in (message, where, hint))
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        self.derivation: dict[str, Any] = {}

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        stop = "" if not self.hint or self.message.endswith((".", "!", "?")) else "."
        step = f"{stop} {self.hint}" if self.hint else ""
        return f"{self.message}{place}{step}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword-only arguments need saying.
        return (_rebuild, (type(self), self.code, self.message, self.where, self.hint))


def _rebuild(
    kind: type[BiomarkerError], code: str, message: str, where: str, hint: str
) -> BiomarkerError:
    return kind(code, message, where=where, hint=hint)


class ConfigurationError(BiomarkerError):
    """A study, protocol or option that cannot be used as it is written."""

    exit_code = ExitCode.USAGE


class InputNotFoundError(BiomarkerError):
    """No such path, or nothing in it that the command can work on."""

    exit_code = ExitCode.NOTHING_FOUND


class FileSystemError(BiomarkerError):
    """The disk is full, or a file may not be read or written: the command cannot go on."""

    exit_code = ExitCode.FAILED


class CaseError(BiomarkerError):
    """One case cannot be measured; the others go on."""

    exit_code = ExitCode.FAILED

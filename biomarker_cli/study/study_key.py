"""The key of a study: what stands for UIDs, subjects and scanners is made with it.

It lies beside the study file and is copied with the study, so that every machine
that measures a part of it names the same things alike. Who has it can try out which
scanner or UID a digest stands for: it is for its owner alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from biomarker_cli.model.keys import KEY_FORM, key_in, new_key_text
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.new_files import write_new

KEY_FILE = "study.key"

_FINGERPRINT_DIGITS = 16


def require_key(root: Path) -> bytes:
    """Return the key of a study, as one that measures only a part of it must.

    Raises
    ------
    StudyError
        ``STUDY-NO-KEY`` where there is none, or what is there is none.
    """
    path = root / KEY_FILE
    if not path.is_file():
        raise StudyError(
            "STUDY-NO-KEY",
            f"the study has no key: no file {KEY_FILE} beside the study file",
            hint="Copy it with the study: a new one would name scanners and UIDs differently.",
        )
    key = key_in(path)
    if key is not None:
        return key
    raise StudyError(
        "STUDY-NO-KEY",
        f"the file is no key: expected {KEY_FORM}",
        where=KEY_FILE,
        hint="Restore it from a copy of the study, or move it away: the next run makes a new one.",
    )


def key_of_first_run(root: Path) -> bytes:
    """Return the key of a study, and make it where there is none.

    Raises
    ------
    StudyError
        ``STUDY-NO-KEY`` where what is there is none, or none can be written.
    """
    path = root / KEY_FILE
    if not path.exists():
        try:
            write_new({path: new_key_text()}, private=frozenset({path}))
        except StudyError:
            pass  # another process was first
        except OSError as error:
            raise StudyError(
                "STUDY-NO-KEY",
                f"the study has no key, and none can be written: {error.strerror}",
                where=KEY_FILE,
                hint="Run it once where its folder can be written, or copy its key with it.",
            ) from error
    return require_key(root)


def fingerprint(key: bytes) -> str:
    """Return what names a key and does not give it away."""
    return hashlib.sha256(b"biomarker study key\0" + key).hexdigest()[:_FINGERPRINT_DIGITS]

"""What identifies a case.

Site, subject, timepoint and role make up file names, so that they must be fit for
every file system that a study may be copied to.
"""

from __future__ import annotations

import re

from biomarker_cli.model.file_names import DEVICE

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What site, subject, timepoint and role may look like."""

LONGEST_ID = 64
"""Letters: what DICOM admits for a PatientID (LO)."""

LONGEST_NAMED = 1000
"""Letters of an id that is still named in a row of its own as too long."""


_TOO_LONG = f"at most {LONGEST_ID} letters"


def problem_of_id(text: str) -> str:
    """Return why an id cannot name files; empty where it can."""
    if not IDENTIFIER.fullmatch(text):
        return "letters, digits, dot, dash and underscore only"
    if text.endswith("."):
        return "a name that ends with a dot loses it on Windows"
    if DEVICE.match(text):
        return "on Windows this names a device, no file"
    if len(text) > LONGEST_NAMED:
        return _TOO_LONG
    return ""


def problem_of_given_id(text: str) -> str:
    """Return why an id that a person gives cannot be taken; empty where it can.

    One of a row of a list of cases may be longer: the row is refused, and named by it.
    """
    return problem_of_id(text) or (_TOO_LONG if len(text) > LONGEST_ID else "")

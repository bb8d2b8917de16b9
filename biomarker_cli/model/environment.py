"""Folders that variables of the environment name: one that cannot be meant is refused.

A variable that is set and empty, as ``$CACHE`` of a script that never set it, would
otherwise mean the default in silence.
"""

from __future__ import annotations

import os
from pathlib import Path

from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.model.wording import quoted


def named_folder(variable: str) -> Path | None:
    """Return the folder that a variable names, which need not be there; None where none does.

    Parameters
    ----------
    variable : str
        Such as ``BIOMARKER_CACHE_DIR``.

    Raises
    ------
    ConfigurationError
        ``ENVIRONMENT-FOLDER`` where it is empty, begins with ``~``, which a shell alone
        replaces, or leads to or through what is no folder.
    """
    named = os.environ.get(variable)
    if named is None:
        return None
    if not named.strip():
        raise unusable_folder(variable, "is set and empty")
    if named.startswith("~"):
        raise unusable_folder(
            variable, f"begins with ~, which a shell alone replaces: {quoted(named)}"
        )
    path = Path(named)
    there = next((one for one in (path, *path.parents) if os.path.lexists(one)), None)
    if there is not None and not there.is_dir():
        raise unusable_folder(variable, f"leads to what is no folder: {quoted(str(there))}")
    return path


def unusable_folder(variable: str, why: str) -> ConfigurationError:
    """Return the refusal of a folder that a variable names."""
    return ConfigurationError(
        "ENVIRONMENT-FOLDER",
        f"{variable} {why}",
        hint=f"Set {variable} to a folder that you may write to, or unset it.",
    )

"""Files that commands write: nothing is overwritten without being told."""

from __future__ import annotations

from pathlib import Path

from biomarker_cli.model.errors import ConfigurationError


def require_new_file(path: Path) -> None:
    """Refuse a file that exists: before an hour of reading rather than behind it.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    if path.exists():
        raise ConfigurationError(
            "OUTPUT-EXISTS", f"the file exists: {path}", hint="Remove it, or choose another name."
        )


def require_free(folder: Path | None, file_name: str, *, overwrite: bool) -> None:
    """Refuse a folder that holds such tables already, unless told to write over them.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    if folder is not None and not overwrite and (folder / file_name).exists():
        raise ConfigurationError(
            "OUTPUT-EXISTS",
            f"{folder} holds an earlier {file_name}",
            hint="Choose another folder, or say --overwrite.",
        )


def write_new_file(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text file; an existing one only when told.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    if not overwrite:
        require_new_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")

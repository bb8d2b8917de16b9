"""Where an export of a run may be written: never over the run, nor over an earlier one."""

from __future__ import annotations

from pathlib import Path


def require_free_files(
    folder: Path, files: tuple[Path, ...], *, overwrite: bool, suffix: str = ".csv"
) -> None:
    """Refuse a first file that is no CSV, a table of the run, and what is there already.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-FORMAT``, ``OUTPUT-EXISTS``.
    """
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.tables.packaged import read_package

    if files[0].suffix.lower() != suffix:
        raise ConfigurationError(
            "OUTPUT-FORMAT", f"expected a name that ends in {suffix}, found {files[0].name}"
        )
    tables = {table.path.resolve() for table in read_package(folder).values()}
    for path in files:
        if path.resolve() in tables:
            raise ConfigurationError(
                "OUTPUT-EXISTS", f"{path} is a table of the run", hint="Choose another name."
            )
        if path.exists() and not overwrite:
            raise ConfigurationError(
                "OUTPUT-EXISTS",
                f"the file exists: {path}",
                hint="Choose another name with -o, or say --overwrite.",
            )

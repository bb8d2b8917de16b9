"""A folder that appears whole or not at all, and never in the place of another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomarker_cli.exchange.errors import ExchangeError
from biomarker_cli.model.outputs import part_of


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yield a folder beside the one that is meant; it gets its name when the block ends.

    Where the block raises, what it wrote is taken away: that folder alone, which was
    made here. One in which nothing lies goes as well.

    Raises
    ------
    ExchangeError
        ``OUTPUT-EXISTS`` where something has the name, at the beginning or the end.
    """
    require_absent(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(output)
    part.mkdir()
    try:
        yield part
        if any(part.iterdir()):
            require_absent(output)
            part.rename(output)
    finally:
        # Gone where it has got its name.
        shutil.rmtree(part, ignore_errors=True)


def require_absent(path: Path, hint: str = "Nothing is overwritten: choose another name.") -> None:
    """Refuse a name that something has, be it a link that leads nowhere.

    Parameters
    ----------
    path : Path
    hint : str
        What a person does then.

    Raises
    ------
    ExchangeError
        ``OUTPUT-EXISTS``.
    """
    if os.path.lexists(path):
        raise ExchangeError("OUTPUT-EXISTS", f"{path} exists", hint=hint)

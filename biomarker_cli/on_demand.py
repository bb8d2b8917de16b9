"""Names of a room that load their module when they are first asked for.

A room says in its ``__init__`` what it offers. To load all of it there would
make every command wait for every room, though most cases need few of them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def names_on_demand(room: str, **modules: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room.

    Parameters
    ----------
    room : str
        Name of the package.
    **modules : str
        By the name of a module of the room the names that it offers, with
        spaces between them.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        with _no_collections():
            value = getattr(import_module(f"{room}.{module_of[name]}"), name)
        # It is found there from now on, and nobody asks here again.
        setattr(sys.modules[room], name, value)
        return value

    return load


@contextmanager
def _no_collections() -> Iterator[None]:
    """Search for no garbage while modules are loaded: what they make, they keep."""
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()

"""Names of a room that load their module when they are first asked for.

A room says in its ``__init__`` what it offers. To load all of it there would
make every command wait for every room, though most cases need few of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from biomarker_cli.collector import collector_paused


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
        # What modules make as they load, they keep.
        with collector_paused():
            value = getattr(import_module(f"{room}.{module_of[name]}"), name)
        # It is found there from now on, and nobody asks here again.
        setattr(sys.modules[room], name, value)
        return value

    return load

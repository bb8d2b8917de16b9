"""The garbage collector, paused where it would find nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector while many objects are made that stay.

    To go over them again and again takes longer than to make them.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


def collect_less() -> None:
    """Have the collector look less often: headers and rows are many objects, and no cycles.

    The arrays that take memory are let go of without it.
    """
    gc.set_threshold(20_000, 20, 50)

"""A protocol goes to a worker process with every case: it is pickled and restored once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields
from functools import cached_property, lru_cache
from typing import Any, cast

_MOST_RESTORED = 64
"""Studies have a few protocols."""


class PickledOnce:
    """What a frozen dataclass inherits whose objects are few and are sent often.

    Its pickle is made once and kept with it; in the process that takes it, one content is
    one object.
    """

    @cached_property
    def _content(self) -> bytes:
        own = {one.name: getattr(self, one.name) for one in fields(cast("Any", self))}
        return pickle.dumps(own, pickle.HIGHEST_PROTOCOL)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Return what restores it."""
        return _restored, (type(self), self._content)


@lru_cache(maxsize=_MOST_RESTORED)
def _restored(kind: type[object], content: bytes) -> object:
    return kind(**pickle.loads(content))  # noqa: S301 - within a pickle that is read already

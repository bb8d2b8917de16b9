"""Array types of the kernels: an alias says dtype and number of dimensions.

The annotations of a kernel are names of this module, and its machine code is
compiled for nothing else: C-contiguous arrays of `ARRAYS[name]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats1 = npt.NDArray[np.float64]
Floats2 = npt.NDArray[np.float64]
Floats3 = npt.NDArray[np.float64]
Floats4 = npt.NDArray[np.float64]
Singles1 = npt.NDArray[np.float32]
Singles2 = npt.NDArray[np.float32]
Singles3 = npt.NDArray[np.float32]
Singles4 = npt.NDArray[np.float32]
Longs1 = npt.NDArray[np.int64]
Longs2 = npt.NDArray[np.int64]
Longs3 = npt.NDArray[np.int64]
Longs4 = npt.NDArray[np.int64]
Ints1 = npt.NDArray[np.int32]
Ints2 = npt.NDArray[np.int32]
Ints3 = npt.NDArray[np.int32]
Ints4 = npt.NDArray[np.int32]
Words1 = npt.NDArray[np.uint16]
Words2 = npt.NDArray[np.uint16]
Words3 = npt.NDArray[np.uint16]
Words4 = npt.NDArray[np.uint16]
Marks1 = npt.NDArray[np.bool_]
Marks2 = npt.NDArray[np.bool_]
Marks3 = npt.NDArray[np.bool_]
Marks4 = npt.NDArray[np.bool_]

AnyArray = npt.NDArray[Any]
"""Of inner functions, which are compiled for whatever they are called with."""


class ArrayKind(NamedTuple):
    """What an alias stands for."""

    dtype: np.dtype[Any]
    ndim: int


_DTYPES: Mapping[str, type[np.generic]] = {
    "Floats": np.float64,
    "Singles": np.float32,
    "Longs": np.int64,
    "Ints": np.int32,
    "Words": np.uint16,
    "Marks": np.bool_,
}

ARRAYS: Mapping[str, ArrayKind] = MappingProxyType(
    {
        f"{name}{ndim}": ArrayKind(np.dtype(scalar), ndim)
        for name, scalar in _DTYPES.items()
        for ndim in (1, 2, 3, 4)
    }
)

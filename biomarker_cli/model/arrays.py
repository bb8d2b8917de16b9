"""Types of arrays, said once: an alias says the dtype, a docstring shape and meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

IndexArray = npt.NDArray[np.intp]
"""Places in other arrays, as numpy gives them."""

CountArray = npt.NDArray[np.int32]
"""Counts and ranks of voxels, as the kernels hold them; codes of the words of a column."""

ByteArray = npt.NDArray[np.uint8]
ComplexArray = npt.NDArray[np.complex128]

AnyArray = npt.NDArray[Any]
"""Of whatever dtype a file or a caller has."""

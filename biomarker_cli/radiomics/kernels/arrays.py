"""Array types of the kernels: all C-contiguous, the number says how many axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats1 = npt.NDArray[np.float64]
Floats2 = npt.NDArray[np.float64]
Floats3 = npt.NDArray[np.float64]
Longs1 = npt.NDArray[np.int64]
Longs2 = npt.NDArray[np.int64]
Longs3 = npt.NDArray[np.int64]
Ints1 = npt.NDArray[np.int32]
Ints2 = npt.NDArray[np.int32]
Ints3 = npt.NDArray[np.int32]
Words1 = npt.NDArray[np.uint16]
Words3 = npt.NDArray[np.uint16]
Marks3 = npt.NDArray[np.bool_]

Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]

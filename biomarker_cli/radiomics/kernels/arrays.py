"""Array types of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]

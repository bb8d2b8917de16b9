"""Grey levels from bin edges."""

from __future__ import annotations

from biomarker_cli.radiomics.kernels.arrays import Floats1, Longs1
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def levels_between(values: Floats1, edges: Floats1, levels: Longs1) -> None:
    """Count for each value the edges that it reaches.

    A guess as if the edges had equal steps is corrected against the edges
    themselves: their rounding decides the level of a value that lies on one.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.
    edges : ndarray, shape (k,)
        Rising, at least two.
    levels : ndarray, shape (n,)
        Filled.
    """
    last = edges.size - 1
    scale = last / (edges[last] - edges[0])
    for index in range(values.size):
        value = values[index]
        reached = int(min(max((value - edges[0]) * scale, -1.0), float(last)))
        while reached < last and value >= edges[reached + 1]:
            reached += 1
        while reached >= 0 and value < edges[reached]:
            reached -= 1
        levels[index] = reached + 1

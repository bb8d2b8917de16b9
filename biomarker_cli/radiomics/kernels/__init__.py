"""Compiled loops: serial, without the GIL, cached, exact in their order of summation.

Nothing here runs in parallel or with relaxed arithmetic, so results have the
same bits for any number of threads. Import this package only where numbers are
computed: it loads numba.
"""

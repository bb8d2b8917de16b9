"""Compiled loops: serial, without the GIL, kept, exact in their order of summation.

Nothing here runs in parallel or with relaxed arithmetic, so results have the
same bits for any number of threads. Numba compiles all kernels once; later
processes load the machine code, without numba.
"""

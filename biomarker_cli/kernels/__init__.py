"""Compiled loops of all rooms: serial, without the GIL, exact in their order of summation.

Nothing here runs in parallel or with relaxed arithmetic, so results have the same bits for
any number of threads. The loops are Cython, built into one extension, `compiled`, when the
wheel is built or the checkout is installed; nothing is compiled on a user's machine.
"""

# cython: language_level=3, binding=True, embedsignature=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Loops over arrays, compiled.

A function that Python calls takes C-contiguous arrays of one dtype and number of dimensions
(Cython checks them and raises ValueError or TypeError), checks that their shapes fit together,
and lets go of the GIL. Results go into arrays that are passed in. What is documented of the
content of an array (ranks below a size, borders that steps stay within) is the caller's to hold.
"""

from libc.math cimport INFINITY, NAN, exp, expm1, fabs, log, log2
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport abs as absolute, free, malloc
from libc.string cimport memcpy


cdef extern from *:
    """
    #ifndef KERNEL_SOURCES
    #define KERNEL_SOURCES ""
    #endif
    """
    const char *KERNEL_SOURCES


SOURCES_SHA256 = KERNEL_SOURCES.decode()


cdef int require(bint fits, str kernel) except -1:
    """Raise unless the shapes of a kernel's arrays fit together."""
    if not fits:
        raise ValueError(f"{kernel}: the shapes of the arrays do not fit together")
    return 0


cdef const uint8_t[:, :, ::1] bytes_of(mask, str kernel):
    """Return the bytes, 0 or 1, of a mask."""
    if getattr(mask, "dtype", None) != bool:
        raise TypeError(f"{kernel}: expected a mask of bool")
    return mask.view("uint8")


include "lattice.pxi"
include "cooccurrence.pxi"
include "runs.pxi"
include "zones.pxi"
include "neighbours.pxi"
include "emphases.pxi"
include "distances.pxi"
include "binning.pxi"
include "moments.pxi"
include "spheres.pxi"
include "surface.pxi"
include "diameters.pxi"
include "chords.pxi"
include "recursive.pxi"
include "wavelets.pxi"
include "elements.pxi"
include "perfusion.pxi"

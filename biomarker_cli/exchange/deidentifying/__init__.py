"""Copies of DICOM that name nobody, and from which the same numbers are measured."""

"""Quantitative imaging biomarkers from DICOM, comparable between centres."""

__version__ = "0.1.0"

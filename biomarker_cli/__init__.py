"""Quantitative imaging biomarkers from DICOM, comparable between centres."""

"""Synthetic DICOM objects with known content, in the dialects of the vendors."""

"""What DICOM objects of ours say of who made them."""

OWN_MANUFACTURER = "biomarker"
"""Manufacturer of every object that this program writes."""

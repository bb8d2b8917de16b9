"""Radiomic features by the IBSI conventions and by those of pyradiomics."""

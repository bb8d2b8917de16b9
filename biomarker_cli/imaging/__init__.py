"""Volumes, regions and their geometry; image files of other formats."""

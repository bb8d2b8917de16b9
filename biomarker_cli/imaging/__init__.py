"""Volumes, regions, maps and their geometry; one resampler; image files of other formats."""

"""Diameters of lesions, slice by slice: longest, short axis, and what they were read off."""

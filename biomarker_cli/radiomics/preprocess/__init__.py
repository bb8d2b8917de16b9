"""From an image and a region to intensities and grey levels (IBSI-1, chapter 2)."""

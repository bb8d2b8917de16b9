"""What kind of image a frame is, read from ImageType (DICOM PS3.3 C.7.6.1.1.2)."""

from __future__ import annotations

from functools import lru_cache

# Checked in this order; a word of ImageType names the kind.
_KIND_WORDS = (
    ("localiser", ("LOCALIZER", "SCOUT")),
    ("adc_map", ("ADC", "EADC")),
    ("fa_map", ("FA", "DIFFUSION_FA")),
    ("trace", ("TRACEW", "TRACE", "DIFFUSION_TRACEW")),
)


@lru_cache(maxsize=1024)
def image_kind(image_type: tuple[str, ...]) -> str:
    """Return original, derived, localiser, adc_map, fa_map or trace."""
    for kind, words in _KIND_WORDS:
        if any(word in image_type for word in words):
            return kind
    if image_type[:1] == ("DERIVED",):
        return "derived"
    return "original"

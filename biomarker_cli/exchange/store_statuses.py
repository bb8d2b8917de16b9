"""What a peer that stores objects may say, by DIMSE and by STOW-RS alike.

References
----------
DICOM PS3.4 B.2.3, PS3.7 annex C, PS3.18 I.2.
"""

STORE_STATUSES = {
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0xA700: "out of resources",
    0xB000: "elements were changed",
    0xB006: "elements were left out",
    0xB007: "the data set does not fit the SOP class",
}
"""Status, or reason, to its meaning."""

"""What a DICOM file says: headers, pixels and the dialects of vendors.

Nothing is decided here. A reader returns what stands in the header together
with the tag it came from; the rooms above decide what to make of it.
"""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.dicom.errors import HeaderError, PixelError
    from biomarker_cli.dicom.frames import FrameHeader, Frames, frame_headers
else:
    __getattr__ = names_on_demand(
        __name__,
        errors="HeaderError PixelError",
        frames="FrameHeader Frames frame_headers",
    )

__all__ = ["FrameHeader", "Frames", "HeaderError", "PixelError", "frame_headers"]

"""DICOM's own network protocol: associations that end, and what is offered in them."""

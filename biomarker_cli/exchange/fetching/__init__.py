"""Series out of a PACS: what a source is asked, what it hands over, what is whole on disk."""

"""The versioned YAML machinery that acquisition and analysis protocols share."""

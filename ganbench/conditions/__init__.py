"""What samples are made for: rules that derive a condition from a dataset's own samples."""

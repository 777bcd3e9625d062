"""The room worker."""

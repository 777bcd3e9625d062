"""The room sqlite."""

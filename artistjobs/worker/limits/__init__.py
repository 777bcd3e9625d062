"""The room limits."""

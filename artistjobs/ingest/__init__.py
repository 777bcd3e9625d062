"""The room ingest."""

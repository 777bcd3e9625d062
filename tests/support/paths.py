"""Folders that tests read: the one place that knows how deep a test file stands."""

from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]

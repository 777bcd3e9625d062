"""Folders that tests read: the one place that knows how deep a test file stands."""

from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]
BESIDE = ROOT.parent / "shared"
"""Files beside the checkout; tests that read them are skipped where they are missing."""

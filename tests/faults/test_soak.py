"""The soak benchmark with small numbers: it runs to its end and detects broken guarantees."""

import random
import subprocess
import sys

import pytest
from paths import ROOT


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import soak

    return soak


def test_a_short_soak_breaks_no_guarantee():
    command = [sys.executable, "-m", "benchmarks.soak", "--seconds", "4", "--workers", "2", "--seed", "3"]

    soaked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    assert "| killed |" in soaked.stdout
    assert "INVALID_JSON" not in soaked.stdout


def test_kills_amid_batches_break_no_guarantee():
    command = [sys.executable, "-m", "benchmarks.soak_ways", "batch", "--kills", "2", "--workers", "1"]

    soaked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    assert "| batch | 2 |" in soaked.stdout


def test_a_soak_reports_broken_guarantees(soak, tmp_path):
    folder, journal = tmp_path / "folder", tmp_path / "journal.jsonl"
    folder.mkdir()
    with soak.simulated_api(journal, seed=1) as base_url:
        place = soak.Place(folder, base_url, rows=6)
        (folder / "artists.csv").write_text("".join(f"Artist {number}\n" for number in range(6)))
        assert soak.finish(place) == 0
    assert soak.judge(place, journal, 0).broken == []

    lines = (folder / "out.jsonl").read_text().splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    (folder / "out.jsonl").write_text("".join(lines[1:]))
    journal.write_text(journal.read_text() * 2)
    (folder / "artistjobs.db-worker-9").touch()
    verdict = soak.judge(place, journal, 1)

    assert verdict.lost == 1
    assert len(verdict.broken) == 4

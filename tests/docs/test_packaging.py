"""The package contains its migrations: as a wheel, a source archive, an editable install and a checkout."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from paths import ROOT

CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

FIND = (
    "import artistjobs, sys; from artistjobs.store.sqlite.migrations import migration_files; "
    "print(artistjobs.__file__); print(*[file.name for file in migration_files()])"
)


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, env=CLEAN, capture_output=True, timeout=110)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the project, so that a build does not write into the checkout."""
    import shutil

    copy = tmp_path_factory.mktemp("checkout") / "artistjobs"
    skipped = shutil.ignore_patterns(".git", ".venv", "*.db*", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, copy, ignore=skipped)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "-w", folder, checkout)
    return next(folder.glob("*.whl"))


def found_from(folder: Path, path: Path) -> tuple[str, list[str]]:
    """Return the location of the package and the migrations that it finds, with ``path`` first on the module path."""
    done = subprocess.run(
        [sys.executable, "-c", FIND],
        cwd=folder,
        env=CLEAN | {"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    place, names = done.stdout.splitlines()
    return place, names.split()


EXPECTED = sorted(path.name for path in (ROOT / "migrations" / "sqlite").glob("*.sql"))


def test_a_wheel_carries_migrations_and_statements(wheel, tmp_path):
    names = zipfile.ZipFile(wheel).namelist()
    target = tmp_path / "installed"
    pip("install", "--no-deps", "--target", target, wheel)

    place, migrations = found_from(tmp_path, target)

    assert [name for name in names if "/migrations/" in name and name.endswith(".sql")] != []
    assert any(name.endswith("store/sqlite/sql/claim.sql") for name in names)
    assert place.startswith(str(target))
    assert migrations == EXPECTED


def test_a_source_archive_makes_the_same_wheel(checkout, tmp_path):
    build = "from hatchling.build import build_sdist; import sys; print(build_sdist(sys.argv[1]))"
    pip("install", "--target", tmp_path / "backend", "hatchling>=1.27")
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=checkout,
        check=True,
        capture_output=True,
        env=CLEAN | {"PYTHONPATH": str(tmp_path / "backend")},
    )
    archive = next(tmp_path.glob("*.tar.gz"))
    target = tmp_path / "installed"

    pip("install", "--no-deps", "--target", target, archive)

    with tarfile.open(archive) as files:
        names = {name.split("/", 1)[1] for name in files.getnames() if "/" in name}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "example_artists.csv", "tests/docs/test_packaging.py"} <= names
    assert found_from(tmp_path, target)[1] == EXPECTED


def test_an_editable_install_and_a_bare_checkout_find_their_migrations(checkout, tmp_path):
    target = tmp_path / "editable"
    pip("install", "--no-deps", "--target", target, "-e", checkout)
    (link,) = target.glob("*.pth")

    assert found_from(tmp_path, Path(link.read_text().strip()))[1] == EXPECTED
    assert found_from(checkout, checkout)[0].startswith(str(checkout))


def test_an_installation_without_migrations_says_so(wheel, tmp_path):
    target = tmp_path / "installed"
    pip("install", "--no-deps", "--target", target, wheel)
    for path in (target / "artistjobs" / "migrations" / "sqlite").glob("*.sql"):
        path.unlink()

    done = subprocess.run(
        [sys.executable, "-m", "artistjobs", "ingest", "-", "--prompt-id", "x", "--model", "m"],
        cwd=tmp_path,
        env=CLEAN | {"PYTHONPATH": str(target)},
        input="A\n",
        capture_output=True,
        text=True,
    )

    assert done.returncode == 74
    assert "install artistjobs again" in done.stderr

"""No command overwrites what it reads, what a database consists of, or what rows and prompts were read from."""

import fcntl
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from conftest import read_records, write_artists

from artistjobs.errors import StoreError
from artistjobs.export.atomic_file import _new_file, atomic_write
from artistjobs.store.database import Database

PROMPT = "Who is {{ artist_name }}?"
RUN = ["run", "a.csv", "--prompt-file", "p.txt", "--instructions-file", "i.txt", "--param", "text.format=@schema.json"]


@pytest.fixture
def files(folder):
    """The files of a run: what it reads, links to it, and another database."""
    write_artists(folder / "a.csv", 2)
    (folder / "p.txt").write_text(PROMPT)
    (folder / "i.txt").write_text("Be brief.")
    (folder / "schema.json").write_text('{"type": "text"}')
    (folder / ".env").write_text("# nothing\n")
    (folder / "symlink").symlink_to("p.txt")
    (folder / "hard-link").hardlink_to(folder / "i.txt")
    (folder / "sub").symlink_to(folder)
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
    for name in ("other.db-wal", "other.db-shm"):
        (folder / name).write_bytes(b"\x37\x7f\x06\x82 and more" if name.endswith("wal") else b"an index")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of all files, except for those of the own database."""
    paths = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("artistjobs.db")]
    return {path.name: path.read_bytes() for path in paths}


READ = [
    "a.csv", "p.txt", "i.txt", "schema.json", ".env", "symlink", "hard-link", "sub/a.csv", "./p.txt",
]  # fmt: skip
OWNED = [
    "artistjobs.db", "artistjobs.db-wal", "artistjobs.db-shm", "artistjobs.db-lock", "artistjobs.db-journal",
    "artistjobs.db-worker-1", "artistjobs.db-worker-12", "ARTISTJOBS.DB", "ArtistJobs.db-WAL", "sub/artistjobs.db-shm",
]  # fmt: skip
OTHERS = ["other.db", "other.db-wal", "other.db-shm"]


@pytest.mark.parametrize("target", [*READ, *OWNED, *OTHERS])
def test_a_run_writes_neither_answers_nor_log_onto_a_file_in_use(cli, files, api, target):
    before = contents(files)

    answers = cli(*RUN, "--output", target)
    log = cli("--log-file", target, *RUN)

    assert (answers.exit_code, log.exit_code) == (2, 2), (answers.stderr, log.stderr)
    assert "; name a" in answers.stderr
    assert "name another file" in log.stderr
    assert contents(files) == before
    assert api.journal.received == 0
    assert not (files / "artistjobs.db").exists()


@pytest.mark.parametrize("link", ["hard", "symbolic"])
def test_a_link_to_the_database_is_the_database(cli, files, link):
    cli(*RUN)
    if link == "hard":
        (files / "link").hardlink_to(files / "artistjobs.db-lock")
    else:
        (files / "link").symlink_to("artistjobs.db")

    for command in (["export", "link"], ["report", "link"], ["--log-file", "link", "work"], [*RUN, "--output", "link"]):
        assert cli(*command).exit_code == 2, command

    assert cli("status").exit_code == 0


@pytest.mark.parametrize(
    ("database", "file", "is_own"),
    [
        ("jobs.db", "jobs.db", True),
        ("jobs.db", "JOBS.DB-Wal", True),
        ("J\u00e9r\u00f4me.db", "Je\u0301ro\u0302me.db-shm", True),
        ("Je\u0301ro\u0302me.db", "J\u00c9R\u00d4ME.db", True),
        ("stra\u00dfe.db", "STRASSE.DB-lock", True),
        ("jobs.db", "jobs.db-worker-7", True),
        ("jobs.db", "jobs.db-worker-7.new", True),
        ("jobs.db", "jobs.db-answers.jsonl", False),
        ("jobs.db", "jobs.db-worker-7.log", False),
        ("jobs.db", "jobs", False),
        ("jobs", "jobs.jsonl", False),
        ("jobs.db", "elsewhere/jobs.db", False),
    ],
)
def test_a_database_owns_its_files_however_a_file_system_spells_them(folder, database, file, is_own):
    (folder / "elsewhere").mkdir()

    assert Database(Path(database), None).owns(Path(file)) is is_own
    assert Database(folder / database, None).owns(Path("elsewhere/..") / file) is is_own


@pytest.mark.parametrize("target", ["a.csv", "sub/a.csv", "moved.csv", "copy of a.csv", "p.txt", "prompt copy", ".env"])
def test_no_other_command_writes_onto_the_artists_and_prompts_in_the_database(cli, files, target):
    cli(*RUN)
    shutil.copy(files / "a.csv", files / "copy of a.csv")
    shutil.copy(files / "a.csv", files / "moved.csv")
    shutil.copy(files / "p.txt", files / "prompt copy")
    if target == "moved.csv":
        (files / "a.csv").unlink()
    before = contents(files)

    results = [
        cli(*command)
        for command in (
            ["export", target],
            ["export", target, "--format", "csv"],
            ["report", target],
            ["--log-file", target, "work"],
            ["--log-file", target, "export", "o.jsonl"],
        )
    ]

    assert [result.exit_code for result in results] == [2] * 5
    assert contents(files) == before


def test_a_run_does_not_replace_the_artists_of_an_earlier_run(cli, files, api):
    cli(*RUN)
    (files / "b.csv").write_text("Somebody else\n")
    received = api.journal.received

    result = cli("run", "b.csv", "--prompt-file", "p.txt", "--output", "a.csv")

    assert result.exit_code == 2
    assert api.journal.received == received
    assert "Artist 1" in (files / "a.csv").read_text()


def test_a_changed_list_of_artists_is_still_one(cli, files):
    cli(*RUN)
    (files / "a.csv").write_text("Edited meanwhile\n")

    assert cli("export", "a.csv").exit_code == 2
    assert (files / "a.csv").read_text() == "Edited meanwhile\n"


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv", "o.html", "notes.txt", "artistjobs.db-answers.jsonl"])
def test_what_is_in_nobodys_use_is_replaced_again_and_again(cli, files, name):
    cli(*RUN)
    (files / "notes.txt").write_text("nobody needs them")
    command = "report" if name == "o.html" else "export"

    assert [cli(command, name).exit_code for _ in range(3)] == [0, 0, 0]
    assert len((files / name).read_bytes()) > 100


def test_a_log_is_continued_and_may_stand_behind_the_lines_of_another_program(cli, files):
    (files / "all.log").write_text("the log of another program\n")

    for _ in range(2):
        assert cli("--log-file", "all.log", *RUN).exit_code == 0

    lines = (files / "all.log").read_text().splitlines()
    assert lines[0] == "the log of another program"
    assert sum("2 jobs: 2 done" in line for line in lines) == 2


@pytest.mark.parametrize(
    "command", [[*RUN, "--output", "z.jsonl"], ["export", "z.jsonl"], ["report", "z.jsonl"]], ids=str
)
@pytest.mark.parametrize("is_there", [True, False])
def test_the_log_and_the_output_are_two_files(cli, files, command, is_there):
    cli(*RUN)
    if is_there:
        cli("export", "z.jsonl")
    before = contents(files)

    result = cli("--log-file", "z.jsonl", *command, "z.jsonl")

    assert result.exit_code == 2
    assert contents(files) == before


@pytest.mark.parametrize("reader", ["a.csv", "p.txt", "schema.json"])
def test_an_empty_file_that_is_read_does_not_become_the_database(cli, files, reader):
    (files / reader).write_bytes(b"")

    assert cli("--db", reader, *RUN).exit_code == 2
    assert cli("--db", reader, "ingest", *RUN[1:]).exit_code == 2

    assert (files / reader).read_bytes() == b""


def test_the_file_behind_stdin_is_read_by_the_command(program_with_api, files):
    before = (files / "a.csv").read_bytes()

    with (files / "a.csv").open() as artists:
        log = program_with_api.run("--log-file", "a.csv", "ingest", "-", stdin=artists)

    assert log.returncode == 2
    assert "reads" in log.stderr
    assert (files / "a.csv").read_bytes() == before


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_file_behind_an_output_stream_is_not_replaced(program_with_api, files, cli, stream):
    cli(*RUN)

    with (files / "o.jsonl").open("wb") as opened:
        result = program_with_api.run("export", "o.jsonl", **{stream: opened})

    assert result.returncode == 2
    assert f"is the file that {stream} is written to" in result.stderr + (files / "o.jsonl").read_text()


# The file that an output is written to first


@pytest.mark.parametrize("kind", ["file", "folder", "symlink"])
def test_a_file_with_the_name_of_an_output_and_part_is_left_alone(cli, files, kind):
    place = files / "o.jsonl.part"
    (files / "victim").write_text("precious")
    if kind == "file":
        place.write_text("half a download")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("victim")

    assert cli(*RUN, "--output", "o.jsonl").exit_code == 0

    assert len(read_records(files / "o.jsonl")) == 2
    assert (files / "victim").read_text() == "precious"
    if kind == "file":
        assert place.read_text() == "half a download"
    assert place.is_symlink() is (kind == "symlink")
    assert place.is_dir() is (kind == "folder")


def test_an_input_and_a_database_may_be_called_part(cli, files):
    (files / "a.csv").rename(files / "answers.part")

    ran = cli("--db", "jobs.part", "run", "answers.part", "--prompt-file", "p.txt", "--output", "answers")
    exported = cli("--db", "jobs.part", "export", "jobs")

    assert (ran.exit_code, exported.exit_code) == (0, 0)
    assert "Artist 1" in (files / "answers.part").read_text()
    assert len(read_records(files / "answers")) == len(read_records(files / "jobs")) == 2
    assert cli("--db", "jobs.part", "status").exit_code == 0


@pytest.mark.parametrize("name", ["n" * 248 + ".jsonl", "n" * 255, "é" * 124 + ".csv", "n" * 230, "n" * 234])
@pytest.mark.parametrize("command", ["run", "export", "report"])
def test_a_name_of_any_legal_length_is_written(cli, files, name, command):
    if command != "run":
        cli(*RUN)

    result = cli(*RUN, "--output", name) if command == "run" else cli(command, name)

    assert result.exit_code == 0, result.stderr
    assert (files / name).stat().st_size
    assert not list(files.glob("*.part"))


@pytest.mark.parametrize("name", ["n" * 256, "é" * 128, "sub/" + "n" * 300])
def test_a_name_that_no_file_can_have_is_refused_before_any_call(cli, files, api, name):
    result = cli(*RUN, "--output", name)

    assert result.exit_code == 2
    assert result.stderr.count("\n") <= 3
    assert api.journal.received == 0


def test_an_export_that_was_killed_leaves_nothing_behind_after_the_next_one(tmp_path):
    target = tmp_path / "o.jsonl"
    abandoned, file = _new_file(target)
    file.close()
    working, lock = _new_file(target)
    others = ["o.jsonl.part", "o.jsonl.0123.part", "x.jsonl.0123456789abcdef.part", "o.jsonl.0123456789ABCDEF.part"]
    for name in others:
        (tmp_path / name).touch()

    with atomic_write(target) as output:
        output.write(b"new")

    assert not abandoned.exists()
    assert working.exists(), "another export still writes it"
    assert {path.name for path in tmp_path.iterdir()} == {"o.jsonl", working.name, *others}
    lock.close()


def test_two_exports_to_one_file_at_once_are_both_whole(tmp_path):
    target = tmp_path / "o.jsonl"

    with atomic_write(target) as first:
        first.write(b"first" * 10_000)
        with atomic_write(target) as second:
            second.write(b"second" * 10_000)
        assert target.read_bytes() == b"second" * 10_000

    assert target.read_bytes() == b"first" * 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["o.jsonl"]


def test_where_there_are_no_locks_an_export_works_and_removes_nothing(tmp_path, monkeypatch):
    part, file = _new_file(tmp_path / "o")
    file.close()

    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with atomic_write(tmp_path / "o") as output:
        output.write(b"x")

    assert (tmp_path / "o").read_bytes() == b"x"
    assert part.exists()


def test_an_output_that_fails_leaves_no_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError), atomic_write(tmp_path / "o") as output:
        output.write(b"x")

    assert not list(tmp_path.iterdir())


# Who may read what was written


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize(
    ("database", "old", "expected"),
    [
        (0o600, None, 0o600),
        (0o640, None, 0o640),
        (0o644, None, 0o644),
        (0o666, None, 0o644),
        (0o600, 0o644, 0o600),
        (0o640, 0o664, 0o660),
        (0o644, 0o664, 0o664),
        (0o644, 0o600, 0o600),
    ],
)
def test_nobody_may_read_an_output_who_may_not_read_the_database(cli, files, database, old, expected):
    cli(*RUN)
    outputs = [files / name for name in ("o.jsonl", "o.csv", "report.html", "log")]
    if old is not None:
        for output in outputs[:-1]:
            output.touch()
            output.chmod(old)
    (files / "artistjobs.db").chmod(database)

    for command in (["export", "o.jsonl"], ["export", "o.csv"], ["report"], ["--log-file", "log", "work"]):
        assert cli(*command).exit_code == 0

    expected_of_log = 0o644 & database if old is None else None
    assert [mode_of(output) for output in outputs[:-1]] == [expected] * 3
    assert expected_of_log in (None, mode_of(files / "log"))


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another group")
@pytest.mark.parametrize(("database", "expected"), [(0o640, 0o600), (0o644, 0o644)])
def test_another_group_than_that_of_the_database_counts_as_others(cli, files, database, expected):
    cli(*RUN)
    os.chown(files / "artistjobs.db", -1, 65534)
    (files / "artistjobs.db").chmod(database)

    cli("export", "o.jsonl")

    assert mode_of(files / "o.jsonl") == expected


def test_an_output_is_private_until_its_mode_is_known(tmp_path):
    before = os.umask(0)
    try:
        part, file = _new_file(tmp_path / "o")
    finally:
        os.umask(before)

    assert mode_of(part) == 0o600
    file.close()

"""A folder that two users share: each may do what the rights of the database allow, and no more, and harms nobody."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import factories as make
import pytest
from children import child, finish, receive, send

from artistjobs.core.job import EVERYTHING
from artistjobs.store.sqlite.lock_files import open_lock_file
from artistjobs.store.sqlite.store import open_store

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")

OWNER, OTHER, GROUP = 2001, 2002, 3000

ACT = """
    import os, sys
    from pathlib import Path
    import factories as make
    from artistjobs.core.job import EVERYTHING
    from artistjobs.errors import ArtistjobsError
    from artistjobs.store.sqlite.reader import open_reader
    from artistjobs.store.sqlite.store import open_store

    path, user, umask, what = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    with open_store(Path(sys.argv[5]), create=True) as warm:
        make.ingest(warm, "Prince")
        warm.queue.register()
        warm.queue.rescue()
        warm.records.counts(EVERYTHING)
        make.settle(warm, make.make_attempt(make.claim_one(warm)))
        warm.queue.end("finished")
    with open_reader(Path(sys.argv[5])) as warm:
        warm.records.counts(EVERYTHING)
    os.umask(umask)
    os.setgroups([3000]), os.setgid(user), os.setuid(user)
    try:
        if what == "look":
            with open_reader(path) as reader:
                print("counted", reader.records.counts(EVERYTHING).total, flush=True)
        else:
            with open_store(path, create=what == "make") as store:
                if what == "make":
                    make.ingest(store, *make.names(6))
                worker = store.queue.register()
                rescued = store.queue.rescue()
                claims = make.claim(store, 2)
                print("claimed", len(claims), "rescued", rescued.pending, flush=True)
                if what == "hold":
                    sys.stdin.readline()
                make.settle(store, *[make.make_attempt(claim) for claim in claims])
                store.queue.end("finished")
    except ArtistjobsError as error:
        print("error", error, flush=True)
"""


@pytest.fixture
def act(tmp_path):
    """Starts a process of a user that does something with the database."""
    number = iter(range(100))

    def start(path, user, what, umask=0o022):
        return child(ACT, path, user, umask, what, tmp_path / f"warm{next(number)}.db")

    return start


@pytest.fixture(params=[0o2770, 0o3770], ids=oct)
def path(request):
    # Not below the folder of pytest, which every other run of pytest closes to other users.
    with TemporaryDirectory() as parent:
        Path(parent).chmod(0o711)
        folder = Path(parent) / "jobs"
        folder.mkdir()
        os.chown(folder, OWNER, GROUP)
        folder.chmod(request.param)
        yield folder / "jobs.db"


def said(process) -> str:
    return finish(process).strip()


def owners(path) -> set[int]:
    return {file.stat().st_uid for file in path.parent.iterdir()}


def test_users_who_may_write_the_database_work_on_it_together(path, act):
    with act(path, OWNER, "make") as process:
        assert said(process) == "claimed 2 rescued 0"
    path.chmod(0o660)
    open_lock_file(path.with_name("jobs.db-lock"), path).close()

    with act(path, OWNER, "hold") as first:
        assert receive(first) == "claimed 2 rescued 0"
        with act(path, OTHER, "work", 0o077) as second:
            assert said(second) == "claimed 2 rescued 0"
        first.kill()
        first.wait()
        with act(path, OTHER, "work", 0o077) as second:
            assert said(second) == "claimed 2 rescued 2"
    with act(path, OWNER, "work") as process:
        assert said(process) == "claimed 0 rescued 0"
    with open_store(path) as store:
        assert store.records.counts(EVERYTHING).done == 6


def test_a_user_who_may_only_read_is_told_so_and_leaves_nothing_that_harms_the_owner(path, act):
    with act(path, OWNER, "make") as process:
        said(process)
    path.chmod(0o640)

    with act(path, OTHER, "work") as process:
        assert "it cannot be written; get write permission" in said(process)
    with act(path, OTHER, "look") as process:
        assert said(process) == "counted 6"

    assert owners(path) == {OWNER}
    with act(path, OWNER, "work") as process:
        assert said(process) == "claimed 2 rescued 0"


def test_a_user_who_may_only_read_looks_while_the_owner_works(path, act):
    with act(path, OWNER, "make") as process:
        said(process)
    path.chmod(0o640)
    with act(path, OWNER, "hold") as worker:
        assert receive(worker) == "claimed 2 rescued 0"
        with act(path, OTHER, "look") as process:
            assert said(process) == "counted 6"
        send(worker)
        finish(worker)

    assert owners(path) == {OWNER}


def test_a_log_that_only_another_user_may_write_is_named_with_its_owner_as_the_remedy(path, act):
    with act(path, OWNER, "make") as process:
        said(process)
    log = path.with_name("jobs.db-wal")
    log.touch()
    os.chown(log, OTHER, OTHER)
    log.chmod(0o644)

    with act(path, OWNER, "work") as process:
        heard = said(process)

    assert f"{log} may not be written by you; ask its owner for that right" in heard


def test_a_lock_file_that_does_not_yet_have_the_rights_of_the_database_is_explained(path, act):
    with act(path, OWNER, "make") as process:
        said(process)
    path.chmod(0o660)

    with act(path, OTHER, "work") as process:
        assert "jobs.db-lock cannot be opened by you; let its owner run the command once" in said(process)
    with act(path, OWNER, "work") as process:
        assert said(process).startswith("claimed")
    with act(path, OTHER, "work") as process:
        assert said(process).startswith("claimed")


def test_what_root_does_leaves_no_file_that_the_owner_may_not_write(path, act):
    with act(path, OWNER, "make") as process:
        said(process)
    with open_store(path) as store:
        store.queue.register()
        make.claim(store)
        assert owners(path) == {OWNER}

    with act(path, OWNER, "work") as process:
        assert said(process) == "claimed 2 rescued 1"

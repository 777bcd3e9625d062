"""Two machines with batches on one PostgreSQL queue, one of them killed: nothing is paid twice, and nothing is lost."""

import random

from conftest import read_records, wait_until
from services import use, write_files

from artistjobs.rehearsal.scenarios import BatchRules

ROWS = 40
RULES = BatchRules(
    validating_seconds=0.0, seconds=0.15, finalizing_seconds=0.0, cancelling_seconds=0.0, queue_tokens=900,
    cut_upload=0.2, lost_create=0.2,
)  # fmt: skip
MACHINE = """
import socket
import artistjobs.library.arguments as arguments, artistjobs.store.postgres.liveness as liveness
from artistjobs.cli import main

socket.gethostname = lambda: {host!r}
arguments.BATCH_SPEED = 1000.0
liveness.DEAD_SECONDS, liveness.HEARTBEAT_SECONDS = 0.8, 0.1
main()
"""
"""The program on a machine with a name of its own, where a worker is soon found dead."""


def test_a_machine_that_is_killed_amid_its_batches_pays_nothing_twice(world, api, folder, url, query, cli):
    lots = random.Random(0)
    write_files(folder, ROWS)
    use(api, batch=RULES)
    assert cli("--db", url, "ingest", "a.csv", "--prompt-file", "p.txt").exit_code == 0

    machines = [
        world.start("--db", url, "--spool", folder / host, "work", "--batch", script=MACHINE.format(host=host))
        for host in ("first", "second")
    ]
    wait_until(lambda: len(query("SELECT 1 FROM workers WHERE kind = 'process'")) == len(machines))
    begun = lots.randint(1, 4)
    wait_until(lambda: len(query("SELECT 1 FROM batches")) >= begun)
    killed = machines.pop(lots.randrange(2))
    killed.kill()

    assert machines[0].wait() == 0, machines[0].err
    last = world.run("--db", url, "run", "a.csv", "--prompt-file", "p.txt", "--batch", "--no-text",
                     script=MACHINE.format(host="third"))  # fmt: skip
    assert last.code == 0, last.err
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, ROWS + 1)]
    assert (len(api.journal.paid_by_key()), api.journal.repeated()) == (ROWS, {})
    assert query("SELECT way, count(*), count(DISTINCT job) FROM answers GROUP BY way") == [("batch", ROWS, ROWS)]
    assert query("SELECT DISTINCT state FROM batches") == [("closed",)]
    assert query("SELECT count(DISTINCT host) FROM workers WHERE kind = 'process'") == [(2,)]
    assert list(api.desk.files.files) == []

"""Script of idle workers: `python -m benchmarks.postgres_idle URL SPOOL WORKERS`.

Each is a store thread of its own, with the sessions, the heartbeat and the polling of a worker process. One more worker
holds the only job, so the others wait for it. The script prints `ready` and waits until its input ends.
"""

import sys
import threading
from contextlib import ExitStack

from artistjobs.core.controls import SINGLE_PROCESS, WorkerSettings
from artistjobs.core.job import EVERYTHING
from artistjobs.store.address import address_of
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.worker.reservations import ReservationQueue
from artistjobs.worker.settings_poller import SettingsPoller
from artistjobs.worker.store_thread import StoreRequest, StoreThread


def idle(store: Store) -> StoreThread:
    """Return a worker that wants a job."""
    poller = SettingsPoller(WorkerSettings(max_workers=4), lambda: SINGLE_PROCESS, lambda _settings: None)
    thread = StoreThread(EVERYTHING, None, ReservationQueue(None, lambda _replies: None), poller, lambda _served: None)
    thread.open(store)
    thread.inbox.put(StoreRequest(None, wants_claim=True, future=None))
    return thread


def main(url: str, spool: str, workers: int) -> None:
    database = Database(address_of(url, spool=spool), None)
    with ExitStack() as opened:
        holder = opened.enter_context(database.open())
        holder.queue.register()
        assert holder.queue.exchange([], 1, EVERYTHING)
        threads: list[tuple[StoreThread, threading.Thread]] = []
        for _ in range(workers):
            store = opened.enter_context(database.open())
            worker = idle(store)
            threads.append((worker, threading.Thread(target=worker.serve, args=[store.queue])))
            threads[-1][1].start()
        print("ready", flush=True)
        sys.stdin.read()
        for worker, _ in threads:
            worker.drain()
            worker.close("finished", ())
        for _, thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""Driver of one batch: takes it from state to state, each of which is on disk before the step that follows it.

A driver begins at whatever state it finds, so a batch goes on after any crash.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from artistjobs.core.batch import BatchState
from artistjobs.store.models import BatchChange
from artistjobs.worker.batch.driven import DrivenBatch
from artistjobs.worker.batch.follow import poll
from artistjobs.worker.batch.gather import clean_up, collect
from artistjobs.worker.batch.submit import create, look_for_batch, resume_upload, seal
from artistjobs.worker.stop import RunStoppingError

STEPS: Final[Mapping[BatchState, Callable[[DrivenBatch], Awaitable[None]]]] = {
    BatchState.PREPARED: seal,
    BatchState.SEALED: resume_upload,
    BatchState.UPLOADED: create,
    BatchState.CREATING: look_for_batch,
    BatchState.SUBMITTED: poll,
    BatchState.ENDED: collect,
    BatchState.COLLECTED: clean_up,
}
"""The step that leads out of each state."""


_NOT_CREATED: Final = frozenset({BatchState.PREPARED, BatchState.SEALED, BatchState.UPLOADED})


class BatchDriver(DrivenBatch):
    """Takes one batch through its states."""

    async def drive(self) -> None:
        """Return when the batch is closed.

        Raises:
            RunStoppingError: if the run stops first. A batch that the service has goes on there.
            StoreError: if the disk or the database fails.

        """
        try:
            while self.record.state is not BatchState.CLOSED:
                if self.record.cancel_asked_at and self.record.state in _NOT_CREATED:
                    await self.finish(BatchChange(ending="cancelled"))
                else:
                    await STEPS[self.record.state](self)
        except RunStoppingError:
            if self.record.state in _NOT_CREATED:
                # Nothing is paid for: the jobs are pending again, for whatever way comes next.
                await self.finish(BatchChange(ending="stopped"))
            raise

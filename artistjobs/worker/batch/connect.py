"""Connection of a batch loop with the other parts of a run, and the prompts that a batch cannot send."""

from collections.abc import Sequence
from time import monotonic

from artistjobs.api.interface import BatchApi
from artistjobs.core.pricing import batch_cost
from artistjobs.core.prompt import Prompt
from artistjobs.errors import WrongUseError
from artistjobs.store.models import BatchRecord
from artistjobs.worker.active_job import WorkerContext
from artistjobs.worker.batch.build import BatchBuilder
from artistjobs.worker.batch.collect import Collector
from artistjobs.worker.batch.driven import DriverContext
from artistjobs.worker.batch.loop import BatchLoop
from artistjobs.worker.batch.pace import Pace
from artistjobs.worker.batch.service import BatchService
from artistjobs.worker.batch.verdicts import LineVerdicts
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.limits.budget import Budget


def connect(loop: BatchLoop, api: BatchApi, shared: WorkerContext, config: WorkConfig) -> None:
    """Give a batch loop the store, the API, the prices and the rules of its run."""
    assert config.batch is not None
    cost = batch_cost(shared.cost)
    pace = Pace(config.batch.speed)
    service = BatchService(api, shared.stop, pace, config.patience_seconds, monotonic)

    def verdicts_of(record: BatchRecord) -> LineVerdicts:
        return LineVerdicts(
            shared.checks, cost, max_attempts=shared.max_attempts, corrections=shared.corrections,
            lines=record.lines, usd_a_line=record.reserved_usd / max(1, record.lines),
        )  # fmt: skip

    loop.context = DriverContext(
        service=service,
        store_client=shared.store_client,
        builder=BatchBuilder(
            requests=shared.requests, checks=shared.checks, corrections=shared.corrections,
            # A margin is for a server that breaks its promises, which single calls would show; a batch has none.
            budget=Budget(cost, is_soft=config.soft_cap, trusts_server=True),
            store_client=shared.store_client, stop=shared.stop, has_cap=lambda: loop.room.cap_usd is not None,
        ),
        collector=Collector(service, shared.store_client, shared.counters, shared.stop, shared.clock),
        stop=shared.stop,
        room=loop.room,
        learn=loop.lessons.learn,
        verdicts_of=verdicts_of,
    )  # fmt: skip


def ensure_batchable(prompts: Sequence[Prompt]) -> None:
    """Raise WrongUseError if a request of the prompts cannot be sent in a batch."""
    if any(prompt.prompt_id is not None for prompt in prompts):
        raise WrongUseError(
            "the Batch API takes no stored prompts; put the text into a file and ingest again with --prompt-file, or "
            "leave out --batch."
        )

"""async-batch-llm, used as its README recommends for large runs: a lazy source, bounded queues, its SQLite store."""

import asyncio
import csv
import sys
from collections.abc import Iterator

from async_batch_llm import ArtifactIdentity, ProcessorConfig, ResumePolicy, SqliteArtifactStore, llm, process_stream


def prompts(rows: str) -> Iterator[tuple[str, str]]:
    with open(rows, newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            yield str(number), f"Write two sentences about {row['artist_name']}.\nWhat we know: {row['artist_data']}"


async def main(url: str, rows: str, in_flight: int) -> None:
    store = SqliteArtifactStore("results.sqlite", identity=ArtifactIdentity(provider="openai", model="gpt-5"))
    strategy = llm("openai:gpt-5", base_url=url, api_key="x", max_connections=in_flight)
    config = ProcessorConfig(concurrency=in_flight, max_queue_size=4 * in_flight, max_result_queue_size=4 * in_flight)
    stream = process_stream(
        strategy, prompts(rows), config=config, artifact_store=store, resume=ResumePolicy.REUSE_SUCCESSES
    )
    succeeded = asked = 0
    async for result in stream:
        asked += 1
        succeeded += result.success
    assert succeeded == asked > 0, (succeeded, asked)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

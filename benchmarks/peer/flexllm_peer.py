"""flexllm, used as its README recommends: one batch with its checkpoint file. `flexllm_peer.py URL ROWS IN_FLIGHT`."""

import asyncio
import csv
import sys

from flexllm import LLMClient


async def main(url: str, rows: str, in_flight: int) -> None:
    with open(rows, newline="") as file:
        asked = [
            f"Write two sentences about {row['artist_name']}.\nWhat we know: {row['artist_data']}"
            for row in csv.DictReader(file)
        ]
    # Its default of 1,000 calls per second would limit it with 100 calls in flight at 20 ms.
    async with LLMClient(
        base_url=url, api_key="x", model="gpt-5", concurrency_limit=in_flight, max_qps=100_000
    ) as client:
        messages = [[{"role": "user", "content": text}] for text in asked]
        results = await client.chat_batch(messages, output_jsonl="results.jsonl", show_progress=False)
    results.raise_for_errors()
    assert results.success_count == len(asked)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

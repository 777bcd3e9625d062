"""Bespoke Curator, used as its documentation recommends: an LLM over a dataset, with limits too high to matter."""

import csv
import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ |= {
    "TELEMETRY_ENABLED": "false",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
os.environ |= {"CURATOR_CACHE_DIR": str(Path("cache").resolve()), "HF_HUB_OFFLINE": "1"}
# It estimates tokens with a file that it would download; one of its packages contains that file.
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(find_spec("litellm").origin).parent / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator  # it reads the environment when it is imported


class Asker(curator.LLM):
    def prompt(self, row: dict) -> str:
        return f"Write two sentences about {row['artist_name']}.\nWhat we know: {row['artist_data']}"

    def parse(self, row: dict, response: str) -> dict:
        return {"artist_name": row["artist_name"], "response_text": response}


def main(url: str, rows: str, in_flight: int) -> None:
    with open(rows, newline="") as file:
        dataset = list(csv.DictReader(file))
    asker = Asker(
        model_name="gpt-4o-mini",  # a model that it knows: for others it looks up price and tokens on the network
        backend="openai",
        backend_params={
            "base_url": url,
            "api_key": "x",
            "max_concurrent_requests": in_flight,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
        },
    )
    assert len(asker(dataset).dataset) == len(dataset)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

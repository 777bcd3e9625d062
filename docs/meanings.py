"""What the generated parts of the pages say beyond what the program itself knows, by name.

``generate.py`` stops if a name is missing here, or if the program no longer has it.
"""

EXIT_CODES = {
    "0": "everything requested is done",
    "1": "finished, but some jobs failed",
    "2": "wrong use: an option, a missing key or prompt, an unreadable file",
    "3": "the account, the prompt or the model prevents the run, and a person is needed; jobs are pending",
    "4": "stopped at `--max-cost` or `--limit`; jobs are pending",
    "74": "disk or database error; stdout or the log file is incomplete; not enough memory, threads or file handles",
    "75": "not finished, and nothing to fix: the service is away, or batches are at the service; "
    "run the same command later",
    "130": "interrupted by Ctrl+C",
    "141": "the reader of stdout has gone, such as `head`",
    "143": "terminated by SIGTERM",
}


SCENARIOS = {
    "calm": "every call is answered quickly",
    "busy": "latencies vary; some calls get 500, 502, 503 and 429",
    "storm": "also truncated bodies, HTML pages, empty replies, resets, hangs, incomplete answers, and answers that do "
    "not fit their schema",
    "outage": "every call gets 503, until the run ends with exit code 75",
    "no-credit": "the credit is used up after 20 answers",
    "background-storm": "the faults of `storm`; answers in the background are found late, or never, and looks at them "
    "fail",
    "batch-calm": "a batch ends after two seconds",
    "batch-storm": "uploads, downloads and replies that are cut off; lists that lag; files that are not found; lines "
    "that are missing, out of order, or failed as in `storm`; statuses that are not documented; cancellations that "
    "come too late",
    "batch-expires": "batches expire before all of their lines are answered",
    "batch-queue-full": "the token queue of the account has room for a small batch only",
}


INPUT_FORMATS = {
    "csv": "fields separated by commas",
    "tsv": "fields separated by tabs",
    "semicolon": "fields separated by semicolons",
    "jsonl": "JSON Lines: an object for each row",
    "xlsx": "the first sheet of an Excel workbook",
    "parquet": "Parquet",
}


OUTSIDE = {"NO_COLOR", "PGPASSWORD", "PGSERVICE", "TERM"}
"""Variables that neither an option nor the file .env knows."""


VARIABLES = {
    "ALL_PROXY": "proxy for addresses without a proxy of their own",
    "HTTPS_PROXY": "proxy for `https://` addresses: `http://` or `https://`, others are refused",
    "HTTP_PROXY": "proxy for `http://` addresses",
    "NO_COLOR": "if it is not empty, the display has no colours",
    "NO_PROXY": "hosts that are called without a proxy, separated by commas",
    "OPENAI_API_KEY": "the key",
    "OPENAI_BASE_URL": "another server that implements the Responses API; its path and its query are kept",
    "OPENAI_CUSTOM_HEADERS": "further headers of each call, a line for each",
    "OPENAI_ORG_ID": "the organization that is billed",
    "OPENAI_PROJECT_ID": "the project that is billed",
    "PGPASSWORD": "password of a PostgreSQL database, as all variables of libpq",
    "PGSERVICE": "a service file of libpq names the server",
    "SSL_CERT_DIR": "folder of trusted certificates, in place of those of the operating system",
    "SSL_CERT_FILE": "file of trusted certificates, in place of those of the operating system",
    "TERM": "`dumb` or empty: lines in place of a display that is redrawn",
}


TABLES = {
    "about": "One row about the database.",
    "answers": "One row for each answer received, also for late and incomplete ones: all were paid for.",
    "attempts": "One row for each attempt at a job. After a retry by hand the numbers begin again at 1.",
    "bad_lines": "One row for each line that was skipped.",
    "batches": "One row for each batch at the service. `id` is also the id of its row in `workers`.",
    "controls": "One row for each setting that was ever sent to running workers.",
    "failures": "What went wrong: one row for each failed job, with the attempt that ended it. No dropped jobs.",
    "headers": "One row for each list of names of other columns.",
    "ingest_lines": "One row for each good line of a file, with the job that it asks for.",
    "ingests": "One row for each file that was read.",
    "job_columns": "The other columns of each job: one row for each value.",
    "jobs": "One row for each distinct request, with its state.",
    "progress": "How far each prompt configuration is: one row for each, with its jobs by state.",
    "prompts": "One row for each prompt configuration.",
    "results": "What came of each completed job: one row for each.",
    "spending": "What was spent: one row for each model, service tier and way to call.",
    "submissions": "One row for each response in the background that is not fetched yet.",
    "texts": "The texts of templates and instructions, once for each distinct text.",
    "workers": "One row for each process that worked, and for the holder of the jobs of each batch.",
}


COLUMNS = {
    "about.kind": "kind of all jobs of the database",
    "answers.attempt": "number of the attempt",
    "answers.body": "the whole response, JSON",
    "answers.cached_tokens": "input tokens read from the prompt cache of the API",
    "answers.cost_usd": "null if the price is unknown",
    "answers.created": "time at the service, in seconds since 1970",
    "answers.late": "1 if the job had another holder when it came",
    "answers.seconds": "time from the call to the answer",
    "answers.text": "text of the answer, read from `body`",
    "answers.text_apart": "the text, where it cannot be read from `body`",
    "answers.text_path": "place of the text in `body`",
    "answers.way": "the way in which the answer came",
    "attempts.calls": "calls of the attempt; repeated calls count as well",
    "attempts.http_status": "status of the last reply",
    "attempts.lost_usd": "the most that its calls without an answer can have cost",
    "attempts.number": "from 1; it is the number in `answers.attempt`",
    "attempts.outcome": "what the attempt came to",
    "attempts.request_id": "id that the service gave the call, for its support",
    "bad_lines.beginning": "the beginning of the line",
    "batches.bytes": "size of its file",
    "batches.creates": "times that its creation was tried",
    "batches.driver": "the worker that takes it through its states, null if none does",
    "batches.ending": "how it ended",
    "batches.lines": "its requests",
    "batches.queue_limit": "if the token queue had no room: the tokens that it holds at most",
    "batches.reserved_usd": "held back for it under `--max-cost`",
    "batches.service_status": "what the service said last, as the three counts after it",
    "batches.tokens": "estimate of its input tokens",
    "batches.uuid": "its name at the service, in the metadata",
    "controls.revision": "order of the changes",
    "controls.value": "1 for a pause; null takes away what was set",
    "failures.attempts": "attempts that count",
    "headers.names": "array of JSON, in the order of the file",
    "ingest_lines.artist_data": "only where it differs from that of the job",
    "ingest_lines.columns": "values of the other columns as an array of JSON, where they differ from those of the job",
    "ingests.added": "new jobs",
    "ingests.bad": "lines that were skipped",
    "ingests.duplicates": "rows that are equal to an earlier one",
    "ingests.good": "good rows",
    "ingests.known": "rows whose job was there before",
    "ingests.lines_of": "the earlier ingest of the same file, which has its lines",
    "ingests.read_as": "the way in which it was read, empty for rows of CSV",
    "ingests.sha256": "hash of the content",
    "ingests.source": "name of the file",
    "ingests.first_job": "the ids of its jobs are between this one and `last_job`",
    "jobs.answer": "the answer that was kept",
    "jobs.attempt": "number of the latest attempt",
    "jobs.available_at": "not to be claimed before this moment",
    "jobs.claimed_by": "the worker that holds it",
    "jobs.columns": "values of the other columns as an array of JSON",
    "jobs.claimed_at": "when its holder claimed it",
    "jobs.deaths": "workers that died while they called for it",
    "jobs.error_code": "code of the last attempt of a failed job",
    "jobs.key": "hash that makes the request the same one when a file is ingested again",
    "jobs.prompt": "the prompt configuration with which it was ingested",
    "jobs.sent_as": "the prompt configuration that is sent instead, after a retry that changed fields",
    "progress.asked_with": "id of the prompt, or its file",
    "prompts.columns": "columns that the request uses, as an array of JSON",
    "prompts.key": "hash of the configuration",
    "prompts.params": "other fields of the request, JSON",
    "prompts.prompt_sha256": "the text of the template in `texts`",
    "spending.unpriced": "answers whose price is unknown",
    "submissions.window": "the completion window that was asked for",
    "workers.bounded_by": "what kept it from being faster, see [Limits](limits.md#what-bounded-a-run)",
    "workers.ended_at": "null while it works",
    "workers.ending": "how it ended",
    "workers.lost_usd": "the most that calls without an answer can have cost",
    "workers.margin_usd": "held back beyond the worst case, until answers confirm the bounds",
    "workers.reserved_usd": "the most that calls in flight can cost",
    "workers.seen_at": "time of its latest commit",
    "workers.unpriced": "answers whose price is unknown",
    "workers.written_off_usd": "part of `lost_usd` that no longer counts",
}
"""Columns whose names do not say enough."""

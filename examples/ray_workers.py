"""Workers for the jobs of one PostgreSQL database, as tasks of Ray: python ray_workers.py 8.

ARTISTJOBS_DB names the database, and OPENAI_API_KEY and PGPASSWORD are set where this is started.
"""

import os
import subprocess
import sys

import ray

FINISHED, RETRIED = (0, 1), (74, 75, 143)
"""Exit codes after which no job is left, and after which another worker can go on."""

NAMES = ("ARTISTJOBS_DB", "OPENAI_API_KEY", "PGPASSWORD")


@ray.remote(num_cpus=0.25, max_retries=-1)
def work(environment: dict[str, str]) -> int:
    """Run one worker until no job is left; a node that is lost is replaced, because the database knows what is done."""
    while True:
        command = ["artistjobs", "-q", "work", "--max-workers", "16"]
        code = subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
        if code not in RETRIED:
            return code


def main() -> int:
    """Start as many workers as the first argument says, and wait for all of them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    ray.init()
    environment = {name: os.environ[name] for name in NAMES if name in os.environ}
    codes = ray.get([work.remote(environment) for _ in range(count)])
    return max(code if code not in FINISHED else 0 for code in codes)


if __name__ == "__main__":
    sys.exit(main())

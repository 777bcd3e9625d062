#!/bin/sh
# Try the archives of a release: sh docs/try_release.sh DIST PYTHON…
# Installs each archive in DIST into a new environment of each Python, away from the checkout, and rehearses a run.
set -eu

dist=$(cd "$1" && pwd)
shift
rows=$(cd "$(dirname "$0")/.." && pwd)/example_artists.csv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH OPENAI_API_KEY OPENAI_BASE_URL OPENAI_PROMPT_ID OPENAI_MODEL ARTISTJOBS_DB ARTISTJOBS_PROMPT_FILE
export PIP_DISABLE_PIP_VERSION_CHECK=1
tried=0

for python in "$@"; do
    command -v "$python" >/dev/null || { echo "$python: not here"; continue; }
    for archive in "$dist"/*.whl "$dist"/*.tar.gz; do
        place="$work/$(basename "$python")-$(basename "$archive")"
        "$python" -m venv "$place/venv"
        "$place/venv/bin/pip" install -q "$archive"
        (
            cd "$place"
            venv/bin/artistjobs -q run "$rows" --rehearse --no-text
            test "$(wc -l <out.jsonl)" -eq 9
            venv/bin/python -c 'import artistjobs; assert artistjobs.Database("rehearsal.db").status().jobs.done == 9'
        )
        tried=$((tried + 1))
        echo "$python: $(basename "$archive"), $("$place/venv/bin/artistjobs" --version), 9 rows"
    done
done
test "$tried" -gt 0

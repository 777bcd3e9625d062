# The five commands of a contributor: `just --list`. Each is a line that also works without just.

# Install the project with its tests and checks into this environment.
setup:
    python -m pip install -e '.[test]' 'ruff>=0.17,<0.18' 'mypy>=2.4,<3'

# Run the tests, or some of them: just test tests/unit/worker
test *ARGS:
    python -m pytest {{ARGS}}

# Check style and types, without changing anything.
check:
    ruff check . && ruff format --check . && mypy

# See that the benchmarks still run; their figures mean nothing.
bench:
    python -m benchmarks --quick

# Everything that a change has to pass, in fresh environments.
ci:
    bash .ci/run

"""Run as ``python -m artistjobs``."""

from artistjobs.cli import main

if __name__ == "__main__":
    main()

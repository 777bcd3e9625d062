"""Exit codes for signals and for a reader that has gone, as shells number them: 128 plus the number of the signal."""

EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED = 130, 141, 143

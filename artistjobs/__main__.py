"""Where the program starts: as ``artistjobs`` or as ``python -m artistjobs``."""

from artistjobs.interpreter import collect_seldom


def main() -> None:
    """Run the program; never returns."""
    collect_seldom()
    from artistjobs.cli import main as program

    program()


if __name__ == "__main__":
    main()

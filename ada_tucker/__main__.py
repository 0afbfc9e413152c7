"""The entrance: Ctrl-C ends the program cleanly from its first moment, while torch is being read."""

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from ada_tucker.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("\nada-tucker: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

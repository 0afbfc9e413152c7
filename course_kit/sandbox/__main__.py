"""The program inside a sandbox: ``python -m course_kit.sandbox SECONDS BYTES BYTES``."""

import sys


def start() -> None:
    """Start the runner without what it would load for nothing."""
    # A checker of web addresses that jsonschema takes where it is installed, and no notebook needs: its
    # grammar is 2.0 of the 2.5 seconds of processor time that a runner takes to start.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

    from course_kit.sandbox.runner import main

    main()


if __name__ == "__main__":
    start()

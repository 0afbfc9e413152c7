"""The program inside a sandbox: ``python -m course_kit.sandbox SECONDS BYTES BYTES``."""

from course_kit.sandbox.runner import main

if __name__ == "__main__":
    main()

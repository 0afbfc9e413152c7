"""A Jupyter kernel that is kept apart, and the border that only values cross."""

import sys

# A checker of web addresses that jsonschema takes where it is installed, and no notebook needs: its
# grammar is 2.0 of the 2.5 seconds of processor time that a runner takes to start.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

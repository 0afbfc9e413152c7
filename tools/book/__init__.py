"""The course as web pages that need no server: `python -m tools.book` builds site/."""

"""Handing out, grading and giving back the assignments of the course."""

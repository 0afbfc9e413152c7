"""The cellar: loops compiled by numba, called by the rooms above, never by users.

Each kernel does what a plain function upstairs says, only faster, and one test holds both together.
`NUMBA_DISABLE_JIT=1` runs them as ordinary Python.
"""

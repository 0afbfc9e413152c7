"""The command `ada-tucker`: a file for each command."""

"""What `make bench` is made of: what is timed, against whom, and how far it ought to get."""

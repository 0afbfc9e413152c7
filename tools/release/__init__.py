"""Taking results, networks and data into the tree."""

"""The Tucker weight: a layer's weight that is rebuilt from a core and factor matrices."""

"""The Tucker weight: a layer's weight that is reconstructed from a core and factor matrices."""

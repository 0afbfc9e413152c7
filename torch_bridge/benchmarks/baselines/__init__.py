"""What Tucker is compared with: truncated SVD, Tucker-2, tensor trains, pruning."""

"""From any model to one in Tucker form, to a file, and back."""

"""What notebooks need: files, budgets, digits, a photograph, networks in plain numpy."""

"""What a teacher does with a class: hand out, collect, mark, give back and sum up."""

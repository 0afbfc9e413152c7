"""The page that reads handwriting, made one file of its sources."""

"""A dataset: its images in folders and shards, its labels, its tables, its split."""

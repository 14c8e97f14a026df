"""The model library: what can be fetched, what is being fetched, and what is on the disk."""

"""The numbered stream of events inside the backend."""

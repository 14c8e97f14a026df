"""The HTTP interface of the backend."""

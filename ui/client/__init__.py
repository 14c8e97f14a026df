"""The typed client of the backend: calls over HTTP and the one event stream."""

"""The backend's own log: JSON lines with the ids of the request they belong to."""

"""How the backend lives with services that fail: when to ask again, and when not to."""

"""Conversations as files: export for people and for programs, import from here and from elsewhere."""

"""Model files: what they are, what they say about themselves, and where they lie."""

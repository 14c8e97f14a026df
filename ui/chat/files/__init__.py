"""Text files that go with a question."""

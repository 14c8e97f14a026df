"""The text of files that go with a question."""

"""The chat page: conversations, streamed answers and the first-run welcome."""

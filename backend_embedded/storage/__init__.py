"""Conversations and messages kept in SQL."""

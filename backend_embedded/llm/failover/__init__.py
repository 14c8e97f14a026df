"""Ollama while it answers, llama.cpp otherwise."""

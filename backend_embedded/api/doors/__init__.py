"""Two doors for other programs: the Ollama API and the OpenAI API, over the same language model."""

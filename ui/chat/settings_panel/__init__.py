"""How this conversation is answered: presets, system prompt, sampling, schema."""

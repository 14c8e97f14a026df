"""The model runner: a process of its own that decodes with llama.cpp and speaks JSON lines."""

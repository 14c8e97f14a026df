"""Questions and answers: what needs the store and a language model at once."""

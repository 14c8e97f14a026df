"""Going back to a question or an answer: editing, siblings, seams, branches."""

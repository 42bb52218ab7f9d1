"""Answers of the LLM stand-in: words of the prompt in the requested JSON shape."""

"""How the LLM stand-in comes to its answers: it reads a prompt and fills the shape asked for."""

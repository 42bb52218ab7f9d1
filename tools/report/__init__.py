"""What all that is put out has in common: harmless text, JSON files, a story told."""

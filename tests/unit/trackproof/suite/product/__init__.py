"""The trial of a product."""

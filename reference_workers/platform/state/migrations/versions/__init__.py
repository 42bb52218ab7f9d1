"""The steps: a revision's file says what it changes and how to take it back."""

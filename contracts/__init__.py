"""What any fleet of workers must do: data files first, a little Python to load them."""

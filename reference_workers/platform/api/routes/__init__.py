"""One module a thing that can be asked for; each offers a `router`."""

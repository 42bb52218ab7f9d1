"""The API's routes, one `router` for each resource."""

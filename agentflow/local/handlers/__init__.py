"""One module per resource: read parameters, call the store, shape the answer."""

"""What a user may write: pydantic models, one module per kind."""

"""Request bodies as the service accepts them: anything else is a 400 that names the place."""

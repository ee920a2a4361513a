"""What was applied where: a cache that can be made again from the service."""

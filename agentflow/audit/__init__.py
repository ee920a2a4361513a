"""What a session was: told from its events, without the service, the network or a clock."""

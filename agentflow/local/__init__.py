"""The Managed Agents service, emulated on this machine: real HTTP, real tools, a scripted model."""

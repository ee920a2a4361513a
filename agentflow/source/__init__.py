"""Text in, positions kept: YAML to nodes, edits back to bytes."""

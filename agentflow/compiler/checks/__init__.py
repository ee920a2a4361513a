"""What `validate` looks at, one module per topic. Each function yields diagnostics and changes nothing."""

"""Methods: one YAML recipe each. They are data, so this package holds no code."""

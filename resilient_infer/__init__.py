"""resilient_infer."""

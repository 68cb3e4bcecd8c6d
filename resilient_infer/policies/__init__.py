"""Pure rules: values in, value out. One question a file; siblings never import each other."""

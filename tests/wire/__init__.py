"""Golden bodies: what goes on the wire and what came back, word for word."""

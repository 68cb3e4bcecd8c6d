"""What remembers, each with one lock: the gates that the plan asks before it sends."""

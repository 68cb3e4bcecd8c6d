"""For users' own tests: a simulated driver, sandbox servers with faults."""

"""The plan: a generator that decides what happens next in one call. It acts on nothing itself."""

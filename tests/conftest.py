"""Settings of the whole suite."""

from hypothesis import settings

# No time limit for one example: the machine that runs the suite may be busy with something else.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")

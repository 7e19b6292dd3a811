"""Property tests: no deadline an example, since a shared machine may pause at any of them."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

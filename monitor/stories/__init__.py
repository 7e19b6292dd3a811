"""Which entries tell the same news. Pure, but for ``window``, which remembers what it was given.

``address`` and ``wording`` say what is compared, ``compare`` how alike two titles are,
``window`` which earlier ones are worth comparing with, ``grouping`` what becomes of a new
entry, ``heat`` how hot that makes its story.
"""

from monitor.stories.address import canonical_url, strip_trackers

__all__ = ["canonical_url", "strip_trackers"]

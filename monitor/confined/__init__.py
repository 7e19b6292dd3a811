"""Work that is not to be trusted, each piece in a process of its own with little to lose.

``process`` starts one and takes its answer; ``guard`` is what holds it; ``render`` fills in
the users' templates, ``notify`` speaks to services through Apprise.
"""

"""Headline Monitor: watches news portals, sorts headlines, fires alerts."""

__version__ = "0.1.0"

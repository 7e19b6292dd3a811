"""Keyword rules: a query language, and matching many queries in one pass over a title."""

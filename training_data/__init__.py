"""The builtin corpus: sections, terms and headlines, read as package data."""

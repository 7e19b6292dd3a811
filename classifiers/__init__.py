"""Puts headlines into sections. Knows nothing of feeds, databases or alerts.

Training (``train``, ``model``) needs scikit-learn; scoring (``compiled``) needs NumPy alone.
"""

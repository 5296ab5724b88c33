"""Figures of the product, each against a plain program that does the same: ``python -m bench [BAR=name,…]``."""

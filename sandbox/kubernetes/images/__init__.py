"""Pulling images: references, manifests, layers, and the scenario that a package carries."""

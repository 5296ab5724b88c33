"""Screens across apps: home, my work, search."""

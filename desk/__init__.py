"""Screens that look across rooms: home, my work, search."""

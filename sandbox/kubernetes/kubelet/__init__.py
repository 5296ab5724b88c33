"""The node: it takes pods through their lives without running anything."""

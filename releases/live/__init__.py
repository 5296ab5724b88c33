"""Live pages: one socket a page, one reader of changes a web process, and hints that make it sooner."""

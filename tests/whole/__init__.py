"""The whole product as processes, for tests that look at it from outside: over HTTP, by signals and by its rows."""

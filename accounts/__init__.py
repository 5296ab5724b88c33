"""WHO: people, organisations, projects, tokens; sign-in and one's own settings."""

"""WHAT we ship: components, their versioned settings and templates, and the servers that build them."""

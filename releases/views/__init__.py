"""Pages of the releases app, one file a noun. They translate: rules live in services and gates."""

"""Pages of the order's room, one file a noun. They translate: rules live in services and gates."""

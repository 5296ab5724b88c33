"""What people and other systems are told of: rows made from what was done, and how each reaches its receiver."""

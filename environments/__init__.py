"""WHERE and WHO MAY: clusters, environments, spaces, memberships and the one table of rights."""

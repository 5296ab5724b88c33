"""What the controller manager does: Deployments, ReplicaSets, quota status, and the removal of what lost its owner."""

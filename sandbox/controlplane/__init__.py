"""A real Kubernetes control plane on loopback, with a node of our own that runs nothing."""

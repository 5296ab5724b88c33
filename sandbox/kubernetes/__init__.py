"""A stand-in for a Kubernetes cluster: its API over HTTP, controllers, and a kubelet that pulls but runs nothing."""

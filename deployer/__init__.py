"""How to talk to Jenkins, Kubernetes, Git and a registry: plain data in, plain data out, no models."""

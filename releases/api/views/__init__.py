"""Views of the API: orders with builds and logs, deployments, and what Jenkins calls."""

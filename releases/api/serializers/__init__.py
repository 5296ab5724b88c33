"""What the API of orders and deployments takes and gives."""

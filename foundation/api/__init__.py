"""What every app's REST API is made of: views, serializers, pages of lists, and the OpenAPI schema."""

"""Views of the API: components, templates with base images, servers with toolchains."""

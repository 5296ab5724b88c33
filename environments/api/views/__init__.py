"""Views of the API: clusters, people, projects with their members, environments with their spaces."""

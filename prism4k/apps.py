from django.apps import AppConfig


class Prism4kConfig(AppConfig):
    name = "prism4k"

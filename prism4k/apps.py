from importlib import import_module

from django.apps import AppConfig


class Prism4kConfig(AppConfig):
    name = "prism4k"

    def ready(self) -> None:
        """Has sign-ins that fail, lock-outs and sign-outs kept, whichever app they come by."""
        import_module("accounts.sign_in_record").connect()

import gc
from importlib import import_module

from django.apps import AppConfig

# Objects more than were freed, before Python looks for circles among them. Its own 700 lets a page of some thousand
# rows search the whole heap several times, which is a twelfth of its processor time.
SELDOM = (50_000, 10, 10)


class Prism4kConfig(AppConfig):
    name = "prism4k"

    def ready(self) -> None:
        """Has sign-ins that fail, lock-outs and sign-outs kept, whichever app they come by."""
        import_module("accounts.sign_in_record").connect()
        # What is loaded by now stays for the life of the process: no later search has to look at it.
        gc.freeze()
        gc.set_threshold(*SELDOM)

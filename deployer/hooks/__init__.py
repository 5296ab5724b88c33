"""What other systems send when something happened there: who may send it, when it was sent, what it is about. Pure.

A delivery is a nudge. Nothing of it becomes a fact: what it names is read from the server itself.
"""

from deployer.hooks.builds import read_build_nudge
from deployer.hooks.delivery import Delivery, NotAuthentic, Unreadable
from deployer.hooks.git import read_git_push
from deployer.hooks.registry import read_image_push

__all__ = ["Delivery", "NotAuthentic", "Unreadable", "read_build_nudge", "read_git_push", "read_image_push"]

"""An OCI registry (Harbor, distribution, the stand-in) as the product needs it: read only."""

from deployer.adapters.registry.client import OciRegistry
from deployer.interfaces import OnAnswer, RegistryTarget, ignore_answer

__all__ = ["OciRegistry", "connect"]


def connect(target: RegistryTarget, *, on_answer: OnAnswer = ignore_answer) -> OciRegistry:
    """A client for the registry; nothing is sent until it is used. Raises Rejected for an address that is no URL."""
    return OciRegistry(target, on_answer)

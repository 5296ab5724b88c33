"""Jenkins behind :class:`deployer.interfaces.BuildServerClient`, over python-jenkins."""

from .server import JenkinsBuildServer, connect

__all__ = ["JenkinsBuildServer", "connect"]

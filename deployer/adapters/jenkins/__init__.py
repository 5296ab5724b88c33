"""Jenkins behind :class:`deployer.interfaces.BuildServerClient`, over python-jenkins."""

from .config_xml import Unreadable, differences, script_of
from .jobs import Inventory, NodeLabels, Plugin, ScriptFault
from .server import JenkinsBuildServer, connect

__all__ = [
    "Inventory",
    "JenkinsBuildServer",
    "NodeLabels",
    "Plugin",
    "ScriptFault",
    "Unreadable",
    "connect",
    "differences",
    "script_of",
]

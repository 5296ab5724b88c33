"""What people do in the components' room."""

from components.services.allocations import SavedAllocation, save_allocation, save_allocation_grid
from components.services.checks import show_amounts
from components.services.components import archive_component, create_component, save_settings
from components.services.configurations import save_config
from components.services.images import add_base_image, archive_base_image
from components.services.servers import archive_server, create_server, edit_server, set_toolchain, start_server_test
from components.services.sheet import SavedSheet, save_sheet
from components.services.templates import archive_template, create_template, publish_version, start_preview, start_trial

__all__ = [
    "SavedAllocation",
    "SavedSheet",
    "add_base_image",
    "archive_base_image",
    "archive_component",
    "archive_server",
    "archive_template",
    "create_component",
    "create_server",
    "create_template",
    "edit_server",
    "publish_version",
    "save_allocation",
    "save_allocation_grid",
    "save_config",
    "save_settings",
    "save_sheet",
    "set_toolchain",
    "show_amounts",
    "start_preview",
    "start_server_test",
    "start_trial",
]

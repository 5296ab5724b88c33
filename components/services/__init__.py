"""What people do in the components app."""

from components.services.allocations import SavedAllocation, save_allocation, save_allocation_grid, show_amounts
from components.services.components import (
    SavedSettings,
    archive_component,
    create_component,
    save_settings,
    save_settings_page,
)
from components.services.configurations import save_config
from components.services.entry_checks import save_entry_check
from components.services.favourites import add_favourite, remove_favourite
from components.services.scaling_rules import SavedRule, save_scaling_rule, show_rule
from components.services.servers import archive_server, create_server, edit_server, set_toolchain, start_server_test
from components.services.templates import (
    add_base_image,
    archive_base_image,
    archive_template,
    create_template,
    publish_version,
    start_preview,
    start_trial,
)
from components.services.webhooks import end_webhook, make_webhook

__all__ = [
    "SavedAllocation",
    "SavedRule",
    "SavedSettings",
    "add_base_image",
    "add_favourite",
    "archive_base_image",
    "archive_component",
    "archive_server",
    "archive_template",
    "create_component",
    "create_server",
    "create_template",
    "edit_server",
    "end_webhook",
    "make_webhook",
    "publish_version",
    "remove_favourite",
    "save_allocation",
    "save_allocation_grid",
    "save_config",
    "save_entry_check",
    "save_scaling_rule",
    "save_settings",
    "save_settings_page",
    "set_toolchain",
    "show_amounts",
    "show_rule",
    "start_preview",
    "start_server_test",
    "start_trial",
]

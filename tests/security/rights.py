"""Which right each operation of the API asks for. An operation that is not here fails ``test_acts.py``."""

from __future__ import annotations

OWN = frozenset(
    {
        "sign_in", "sign_out", "me_update", "me_password", "sessions_destroy", "tokens_create", "tokens_destroy",
        "notifications_read", "notifications_read_all", "notification_preferences_update", "mutes_create",
        "mutes_destroy", "watches_create", "watches_destroy", "favourites_create", "favourites_destroy",
        "mentions_read", "saved_filters_create", "saved_filters_update", "saved_filters_destroy",
    }
)  # fmt: skip
"""What a person does to themselves; nobody else's is ever found there."""

OPERATIONS = {
    "create_order": ["orders_create", "trains_create", "trains_add", "trains_remove"],
    "build": ["builds_create"],
    "stop_build": ["builds_stop"],
    "close_order": ["orders_close"],
    "withdraw_order": ["orders_withdraw"],
    "check": ["orders_check", "readiness_ask"],
    "return": ["orders_return"],
    "comment": [
        "comments_create", "go_words_say", "day_notes_create", "space_comments_create", "train_comments_create",
    ],
    "promote": ["promotions_create", "promotions_withdraw", "space_promotions_create"],
    "review": ["reviews_create", "roll_back_reviews_create"],
    # Who approves may have a review of what is removed made, too.
    "approve": ["approvals_create", "removal_reviews_create", "scale_requests_decide"],
    "withdraw_approval": ["approvals_withdraw"],
    "deploy": [
        "twin_align", "deployments_create", "restarts_create", "roll_backs_create", "scalings_create",
        "scale_requests_create", "schedules_create", "trains_start", "trains_pause", "trains_skip", "trains_retry",
        "trains_roll_back",
    ],
    "take_over": ["take_overs_create"],
    "remove": ["removals_create"],
    "break_glass": ["break_glasses_create"],
    "drp": ["drp_ask", "drp_withdraw", "drp_go_on", "drp_take_back"],
    "confirm_drp": ["drp_confirm", "drp_refuse", "drp_review"],
    "hold": ["holds_create"],
    "lift_hold": ["holds_lift"],
    "freeze": ["freezes_create", "freezes_end", "calendars_create"],
    "review_break_glass": ["break_glasses_end", "break_glasses_review"],
    "cancel_deployment": [
        "deployments_cancel", "turns_cancel", "schedules_withdraw", "scale_requests_withdraw",
        "roll_back_reviews_withdraw",
    ],
    "force_release": ["deployments_release"],
    "edit_component": ["components_create", "component_settings_save", "start_order_save"],
    "edit_project_template": ["templates_create", "template_archive", "template_versions_create"],
    "preview_template": ["previews_create", "template_trials_create"],
    "edit_production_config": ["component_configuration_save"],
    "edit_allocation": [
        "component_allocations_save", "component_allocation_save", "component_scaling_rule_save",
        "component_entry_check_save", "component_entry_check_save_in",
    ],
    "archive_component": ["component_archive"],
    "manage_members": ["members_create", "members_end"],
    "manage_webhooks": [
        "outgoing_webhooks_create", "outgoing_webhooks_update", "outgoing_webhooks_destroy",
        "outgoing_webhooks_secret", "outgoing_webhooks_test",
    ],
    "redeliver": ["outgoing_webhooks_redeliver"],
    "edit_policy": ["spaces_update_policy"],
    "confirm_rule_change": ["rule_changes_confirm", "rule_changes_refuse", "freezes_confirm_end"],
    "manage_projects": [
        "organisations_create", "organisations_update", "projects_create", "projects_update", "projects_archive",
        "projects_restore",
    ],
    "manage_people": [
        "people_create", "people_update", "people_activate", "people_deactivate", "people_set_password",
        "groups_create", "groups_update", "groups_remove", "group_people_create", "group_people_remove",
    ],
    "manage_site_roles": ["roles_create", "roles_end", "group_roles_create", "group_roles_end"],
    "manage_places": [
        "clusters_create", "clusters_update", "clusters_archive", "clusters_restore", "cluster_tests_create",
        "environments_create", "environments_update", "environments_archive", "environments_restore", "spaces_create",
        "spaces_update", "spaces_archive", "spaces_restore", "spaces_sync",
    ],
    "edit_grants": ["spaces_update_grants"],
    "manage_servers": [
        "base_images_create", "base_image_archive", "git_servers_create", "git_server_edit", "git_server_archive",
        "git_server_tests_create", "git_server_webhook_create", "git_server_webhook_destroy", "jenkins_servers_create",
        "jenkins_server_edit", "jenkins_server_archive", "jenkins_server_tests_create",
        "jenkins_server_webhook_create", "jenkins_server_webhook_destroy", "registry_servers_create",
        "registry_server_edit", "registry_server_archive", "registry_server_tests_create",
        "registry_server_webhook_create", "registry_server_webhook_destroy", "toolchain_save",
    ],
    "read_audit": ["audit_check_create"],
    "see_health": ["health_wake"],
    # Its proposer alone takes it back.
    "": ["rule_changes_withdraw"],
}  # fmt: skip

ALSO = {"twin_align": "promote"}
"""Operations that one of two verbs is enough for: what each of the acts in it asks for is asked again."""

NO_OPERATION = {
    "see": "reads",
    "list_branches": "reads outside",
    "edit_config": "component_configuration_save, outside production",
    "read_project_audit": "reads",
    "read_report": "reads",
    "see_site": "reads",
    "freeze_site": "freezes_create, freezes_end and calendars_create, of the whole site",
    "confirm_site_rule": "rule_changes_confirm, of an environment's rule",
    "edit_global_template": "template operations, of templates without a project",
}
"""Verbs of the table of rights that no operation above stands for, and why."""

"""Webhooks of servers. The secret is in the answer that makes it and nowhere else."""

from __future__ import annotations

from rest_framework import serializers

from components.models import Webhook
from components.selectors import webhook_address


class WebhookOutput(serializers.ModelSerializer[Webhook]):
    address = serializers.SerializerMethodField(help_text="what to enter at the server as the URL of its webhook")
    refusal = serializers.CharField(help_text="why the last refused delivery was refused")

    class Meta:
        model = Webhook
        fields = ("address", "made_at", "accepted", "accepted_at", "refused", "refused_at", "refusal")

    def get_address(self, row: Webhook) -> str:
        """Below the platform's own address."""
        return webhook_address(row.server)


class NewWebhookOutput(WebhookOutput):
    secret = serializers.CharField(help_text="shown here once")

    class Meta(WebhookOutput.Meta):
        fields = (*WebhookOutput.Meta.fields, "secret")  # type: ignore[assignment]

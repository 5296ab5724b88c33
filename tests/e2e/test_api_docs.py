"""The API's own page in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import Open


def test_the_api_describes_itself(open_screen: Open) -> None:
    screen = open_screen("chenlei")
    screen.open("/api/docs/")
    page = screen.page
    # Swagger UI draws what is in view: its first group.
    create = page.locator("#operations-base-images-base_images_create")
    create.locator(".opblock-summary-control").click()
    expect(create.locator(".opblock-body")).to_contain_text("image")

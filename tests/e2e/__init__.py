"""The product in a real Chromium (``make e2e``): clicked by people, watched live by others."""

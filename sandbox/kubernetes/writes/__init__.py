"""What a POST, PATCH or DELETE does to the store; every dry run takes the same way up to the last step."""

"""Stand-ins for the systems outside, over real HTTP, for machines that have none: strangers to the product."""

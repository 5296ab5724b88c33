"""Stand-ins for the systems outside, over real HTTP, for machines without them; they import nothing of the product."""

"""One release order from commit to production, through the product's REST API: ``make demo``."""

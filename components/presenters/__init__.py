"""What pages show of components: rows turned into plain values for templates."""

"""What pages show: rows turned into plain values, so that templates only lay them out. Nothing here writes."""

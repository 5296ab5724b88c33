"""What the screens show, worked out from rows once, so that templates only lay it out. Nothing here writes."""

"""A build's log: what its lines say, where they lie in the chunks, and how they are read without reading all."""

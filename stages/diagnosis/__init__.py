"""Whether a training went well: looks at the network before it, and symptoms in its curves."""

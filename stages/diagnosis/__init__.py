"""Did the training go well? Probes of the network before it, symptoms in its curves."""

"""The network: its data, its layers, its file."""

"""The training: its processes and devices, its passes over the images, its checkpoint and curves."""

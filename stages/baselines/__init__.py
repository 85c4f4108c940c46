"""What scores without looking at the picture: the figures a network has to beat."""

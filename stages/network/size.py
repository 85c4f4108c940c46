"""The size of the network's input, for those who need to know it without loading torch."""

SIDE = 224  # pixels of the square

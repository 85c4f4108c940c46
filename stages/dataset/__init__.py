"""The forms in which datasets come: class folders, a labels file, arrays."""

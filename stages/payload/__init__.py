"""Features of a payload, its site, and safe ways to show it. Nothing here opens a payload."""

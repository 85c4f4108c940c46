"""What can be said of a payload without ever opening it."""

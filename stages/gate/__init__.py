"""What the data must satisfy before training."""

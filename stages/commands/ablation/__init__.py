"""Which of the seven fixes made the network learn: experiments for DVC's queue, and their results."""

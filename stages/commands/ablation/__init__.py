"""Which of the seven fixes made the network learn: experiments for the queue of DVC, and what came of them."""

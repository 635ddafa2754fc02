"""Finding the sentences that may hold the answer."""

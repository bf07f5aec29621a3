"""Model files: opening and running them, their cards, and the pictures that they take."""

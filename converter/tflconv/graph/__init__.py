"""What is inside a model, and passes that make it better."""

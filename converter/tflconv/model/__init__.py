"""What a model file is: its card, its pictures, how it is opened and run."""

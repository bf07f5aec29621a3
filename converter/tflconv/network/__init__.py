"""A trained network as plain data with NumPy weights, and passes that rewrite it; no TensorFlow."""

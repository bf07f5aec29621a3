"""Networks and TensorFlow: read from Keras models, run, and rounded as integers will be."""

"""Read networks from Keras models, run them with TensorFlow, and round them like integers."""

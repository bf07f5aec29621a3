"""What is in a ``.tflite`` file, who will run it and what it costs, without TensorFlow."""

"""What training adds to conversion: models that learn to live with fewer bits or fewer weights."""

"""Stand-ins for what no test machine has."""

"""Drive the native harness on a device and turn what it says into runs."""

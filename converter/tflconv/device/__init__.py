"""Where models are measured: this host, an emulated core, a phone."""

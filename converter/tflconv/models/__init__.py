"""The models that can be trained, behind one registry."""

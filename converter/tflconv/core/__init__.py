"""The ground floor: files, a store, processes, statistics; nothing here knows what a model is."""

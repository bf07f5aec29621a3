"""Files, a store, worker processes, statistics: what all other packages build on."""

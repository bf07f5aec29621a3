"""The one line from a plan or a request to files and results; every door calls it."""

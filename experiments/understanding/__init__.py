"""Understanding, measured as the paper measures it: 13 benchmarks, ERQA and our own scene questions, from files on disk."""

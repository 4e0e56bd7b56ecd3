"""Why a trial failed: watched as it goes on, sorted by kind, counted, shown."""

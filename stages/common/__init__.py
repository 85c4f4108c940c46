"""Settings, atomic files, errors and worker processes, for all stages."""

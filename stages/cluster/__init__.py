"""Past one machine: the scan as tasks for Dask workers."""

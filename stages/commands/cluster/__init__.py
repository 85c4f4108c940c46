"""The scan on Dask workers: python -m stages.commands.cluster --help."""

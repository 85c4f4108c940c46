"""The scan on a Dask cluster: python -m stages.commands.cluster --help."""

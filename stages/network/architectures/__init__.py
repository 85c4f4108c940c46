"""The networks to choose from, one file each, which `model.architecture` in params.yaml names.

A new one is a new file here with a constant ARCHITECTURE (see stages/network/architecture.py), and no
other file has to know of it. Nothing here loads torch before a network is built: worker processes and
the report do without.
"""

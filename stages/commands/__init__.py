"""Commands to run by hand: python -m stages.commands.NAME --help."""

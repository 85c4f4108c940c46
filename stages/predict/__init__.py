"""`python -m stages.predict`: the codes in pictures, the answers on them, and how those are printed."""

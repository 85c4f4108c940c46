"""What `stages.predict` needs: the codes in files, the verdicts on them, and how those are printed."""

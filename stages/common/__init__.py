"""What every stage needs: settings, files that appear whole, errors, workers."""

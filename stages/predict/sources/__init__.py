"""Files that hold pictures: what is in them, one reader a file, under the same bounds."""

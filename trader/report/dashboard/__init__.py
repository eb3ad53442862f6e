"""The dashboard's pages: a static site that draws itself from data files, wherever it is opened from."""

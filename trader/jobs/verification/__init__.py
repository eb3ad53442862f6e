"""Whether every journalled run is what its recorded inputs give."""

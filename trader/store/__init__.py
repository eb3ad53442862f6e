"""What is kept, as keys and codecs over the object storage."""

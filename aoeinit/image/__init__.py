"""What an image is: entries, programs and their libraries, the archive and its compression."""

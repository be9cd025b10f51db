"""What takes the place of modules and data that are not there."""

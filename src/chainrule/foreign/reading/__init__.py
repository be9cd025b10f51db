"""What files and functions say, by their text alone; nothing of them runs."""

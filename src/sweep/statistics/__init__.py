"""What a figure is worth: average precision from per-image statistics, bootstrap intervals, comparisons that hold."""

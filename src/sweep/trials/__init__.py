"""What a worker does with a study: join its cell's run, train trials, and make the best of them the cell's result."""

"""One update rule for every optimizer, and the schedules of its rate."""

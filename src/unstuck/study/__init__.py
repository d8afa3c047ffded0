"""From a configuration to experiments, runs, jobs and paths."""

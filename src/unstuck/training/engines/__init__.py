"""What trains a population and measures it: torch, or the lanes kernel, behind one interface."""

"""What other simulators need: one module for each, named after the simulator's own."""

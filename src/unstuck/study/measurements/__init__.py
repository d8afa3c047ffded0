"""What is measured at endpoints: one module a measurement, found by the registry."""

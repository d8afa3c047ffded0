"""What is read off a Hessian: eigenvalues, inertia, trace, sharpness."""

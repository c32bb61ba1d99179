"""Meta-learners: the inner loop, and the outer gradient of MAML, FOMAML and Reptile."""

"""Meta-learners: the inner loop, and the outer gradient of MAML, MAML++, FOMAML and Reptile."""

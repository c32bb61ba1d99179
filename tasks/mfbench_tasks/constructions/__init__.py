"""Meta-distribution constructions: which fragments form which family, and which family serves which
fold."""

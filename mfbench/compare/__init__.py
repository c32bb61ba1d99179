"""Meta-distribution constructions side by side, from the records of a campaign's runs."""

"""What a submission's predictions give away: copied, leaked or mis-scaled numbers."""

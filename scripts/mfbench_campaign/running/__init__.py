"""Runs of a campaign: trained, tuned and evaluated in jobs that several processes share."""

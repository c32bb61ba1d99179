"""Rows of the leaderboard that a campaign files."""

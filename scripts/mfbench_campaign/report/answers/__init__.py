"""The five findings of RESULTS.md and its advice: questions, and answers that follow from intervals."""

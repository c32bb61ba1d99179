"""The fresh test: deposited weights on configurations that nobody has seen, and the record of it."""

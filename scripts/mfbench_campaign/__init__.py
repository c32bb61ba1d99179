"""The campaign: what is trained, tuned, evaluated and filed, and the report that is written from it."""

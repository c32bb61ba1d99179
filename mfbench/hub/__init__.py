"""Splits from and to elsewhere: the Hugging Face Hub, any fsspec URL, a folder."""

"""Errors against how far the support covers a query."""

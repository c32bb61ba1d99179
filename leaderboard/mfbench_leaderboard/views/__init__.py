"""One module a page: widgets around data functions and figures."""

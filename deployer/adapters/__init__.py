"""One module a vendor: nothing above this package imports a vendor client."""

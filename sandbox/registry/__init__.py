"""A small image registry: the OCI distribution specification 1.1 (v2 API) over plain HTTP, blobs in a folder."""

"""A stand-in Jenkins: the REST API that the product uses, and the one shipped job, really run on this machine."""

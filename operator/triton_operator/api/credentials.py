"""What credentials look like in a model's address, for the API's rule and for whoever reads it."""

CREDENTIALS = (
    "(pvc|https|s3|gs|hf)://[^/?#]*@"
    "|oci://[^/?#]*@[^/?#]*/"
    "|[a-z0-9]+://[^/?#]*:[^/?#]*@"
    "|[a-z0-9]+://[^/?#@[]*:[0-9]*[^0-9/?#]"
)
"""A pattern of the beginning of an address.

Only `abfs://CONTAINER@ACCOUNT` and `oci://REPOSITORY@DIGEST` have an `@` of their own. The last
line is a password with a slash in it, as Amazon's have: what follows its colon is no port.
"""

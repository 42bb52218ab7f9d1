"""The contracts: loading, validation of payloads, static checks and releases.

The data is in the folder `contracts/` and ships inside this package.
"""

"""JSON Schemas compared with each other.

forms     a schema without references, as alternatives
fitting   does every value of one schema fit another, and why not
words     a schema or value in a few words
"""

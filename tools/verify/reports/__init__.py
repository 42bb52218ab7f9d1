"""Writers on the stream of events, one file each: a new report is a new file.

Those that a user asks for as a file stand in `files.FILES` as well.
"""

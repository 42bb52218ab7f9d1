"""Writers on the stream of run events, one file each."""
